/** Defects of how the receiver is operated that the named tests must notice (09 3, 06 TP4). @module */
import type { Mutant } from "./mutants.ts";

export const RECEIVER_SERVICE_MUTANTS: readonly Mutant[] = [
  {
    id: "09 3 the receiver says that it is ready before it is",
    edits: [
      {
        file: "receiver/cli/serve.ts",
        search: "  using manager = await managerFor(options.manager);\n",
        replacement: "  using manager = await managerFor(options.manager);\n  manager.ready();\n",
      },
    ],
    caughtBy: [{ file: "test/receiver/service.test.ts", only: "cannot start" }],
  },
  {
    id: "01 status does not ask the store, nor wait for an answer",
    edits: [
      {
        file: "receiver/local-client.ts",
        search: "    return await Promise.race([answer(), late.promise]);",
        replacement: '    return await Promise.race([answer(), late.promise.catch(() => ["{}"])]);',
      },
    ],
    caughtBy: [{ file: "test/receiver/service.test.ts", only: "status says" }],
  },
  {
    id: "TP4 the enrolment door counts a balancer's address",
    edits: [
      {
        file: "receiver/identity/doors.ts",
        search:
          "    const peer = this.#options.sourceOf(request.socket) ?? addressOf(request.socket);\n    const who",
        replacement: "    const peer = addressOf(request.socket);\n    const who",
      },
    ],
    caughtBy: [{ file: "test/interop/haproxy.test.ts", only: "enrolment door" }],
  },
];
