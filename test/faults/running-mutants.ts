/** Defects of channels that change while the agent runs, that the named tests must notice. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const inRunning = (name: string, only: string): NamedTests => ({
  ...{ file: `test/agent/running/${name}.test.ts`, only },
});

export const RUNNING_MUTANTS: readonly Mutant[] = [
  {
    id: "running: a channel that is the same is opened again",
    edits: [
      {
        file: "agent/running/channel-set.ts",
        search: "known === undefined || isDeepStrictEqual(known, one)",
        replacement: "known === undefined || known === one",
      },
      {
        file: "agent/ingest/mllp/listener-options.ts",
        search: "return !isDeepStrictEqual(",
        replacement: "return before !== after || !isDeepStrictEqual(",
      },
      {
        file: "agent/running/running-listeners.ts",
        search: "const isOther = !isDeepStrictEqual(",
        replacement: "const isOther = settings.port >= 0 || !isDeepStrictEqual(",
      },
    ],
    caughtBy: [inRunning("listeners", "keeps its connection")],
  },
  {
    id: "running: a change that fails is not taken back",
    edits: [
      {
        file: "agent/running/running-channels.ts",
        search: "const faults = await undo.run();",
        replacement: "const faults: unknown[] = [];",
      },
    ],
    caughtBy: [
      inRunning("listeners", "one port is taken"),
      inRunning("listeners", "takes them back"),
    ],
  },
  {
    id: "running: steps are taken back in the order in which they were done",
    edits: [
      {
        file: "agent/running/undo.ts",
        search: "this.#steps.splice(0).reverse()",
        replacement: "this.#steps.splice(0)",
      },
    ],
    caughtBy: [inRunning("listeners", "takes them back")],
  },
  {
    id: "running: a port is opened before the channel that leaves it has closed it",
    edits: [
      {
        file: "agent/running/running-listeners.ts",
        search: "one.port === other.port && one.port !== 0;",
        replacement: "one.port === other.port && one.port < 0;",
      },
    ],
    caughtBy: [inRunning("listeners", "moves from a channel")],
  },
  {
    id: "running: changes are made side by side",
    edits: [
      {
        file: "agent/running/running-channels.ts",
        search: "const mine = before.catch(() => {}).then(work);",
        replacement: "const mine = Promise.resolve(before && undefined).then(work);",
      },
    ],
    caughtBy: [inRunning("listeners", "one after the other")],
  },
  {
    id: "running: a stop does not wait for connections of a change",
    edits: [
      {
        file: "agent/running/running-listeners.ts",
        search: "...this.#closing.values()]",
        replacement: "...[]]",
      },
    ],
    caughtBy: [inRunning("listeners", "in the middle of a change")],
  },
  {
    id: "running: a peer that may not connect any more stays",
    edits: [
      {
        file: "agent/ingest/mllp/listener.ts",
        search: "isEnding || !this.#isAllowed(peer.address)",
        replacement: 'isEnding || peer.address === ""',
      },
    ],
    caughtBy: [inRunning("listeners", "who may connect")],
  },
  {
    id: "running: new limits end connections without an answer",
    edits: [
      {
        file: "agent/ingest/mllp/listener.ts",
        search: 'connection.finish("reconfigured");',
        replacement: 'connection.destroy("reconfigured");',
      },
    ],
    caughtBy: [inRunning("listeners", "limits of a listener")],
  },
  {
    id: "running: two senders of one channel at a time",
    edits: [
      {
        file: "agent/running/running-targets.ts",
        search: "await this.senders.close(old.name);",
        replacement: "void this.senders.close(old.name);",
      },
    ],
    caughtBy: [inRunning("targets", "what was in hand")],
  },
  {
    id: "running: what comes down is taken on a channel that was taken out",
    edits: [
      {
        file: "agent/outbox/inbox/locate.ts",
        search: "if (!parts.named.has(name)) return",
        replacement: 'if (name === "") return',
      },
    ],
    caughtBy: [inRunning("targets", "is taken out")],
  },
  {
    id: "running: a new channel gets no stream on the connection that there is",
    edits: [
      {
        file: "agent/tunnel/tunnel.ts",
        search: "    this.#session?.add(source);\n",
        replacement: "",
      },
    ],
    caughtBy: [inRunning("upward", "leave on the connection")],
  },
  {
    id: "running: the receiver does not hear of another priority",
    edits: [
      {
        file: "agent/relay/channel-feed.ts",
        search: "if (goesOn || rules.priority !== before.priority)",
        replacement: "if (goesOn)",
      },
    ],
    caughtBy: [inRunning("upward", "leave on the connection")],
  },
  {
    id: "preflight: ports are not tried",
    edits: [
      {
        file: "agent/running/preflight.ts",
        search: "return [...mismatches, ...(await tryPorts(places))];",
        replacement: "return [...mismatches, ...(await tryPorts(places.slice(places.length)))];",
      },
    ],
    caughtBy: [inRunning("preflight", "port in use")],
  },
  {
    id: "passed sockets: who connects while the store cannot store waits for nothing",
    edits: [
      {
        file: "agent/ingest/mllp/listener.ts",
        search: "void this.#closePort();\n    this.#passed?.giveBack();",
        replacement: "void this.#closePort();",
      },
    ],
    caughtBy: [inRunning("passed-ports", "while the store cannot store")],
  },
  {
    id: "passed sockets: a port that no channel has any more keeps senders waiting",
    edits: [
      {
        file: "agent/host/passed-sockets.ts",
        search: "if (!claims.includes(one)) one.giveBack();",
        replacement: "if (!claims.includes(one)) one.leave();",
      },
    ],
    caughtBy: [inRunning("passed-ports", "hangs up; a channel that gets it")],
  },
  {
    id: "preflight: folders are not tested",
    edits: [
      {
        file: "agent/running/folder-trial.ts",
        search: "return fault === undefined ? [] : [{ channel, fault }];",
        replacement: 'return fault === undefined || channel !== "" ? [] : [{ channel, fault }];',
      },
    ],
    caughtBy: [inRunning("preflight", "missing folder")],
  },
  {
    id: "preflight: certificates are not read",
    edits: [
      {
        file: "agent/running/certificates.ts",
        search:
          "return new AgentError(error.code, { ...named, ...error.facts }, { cause: error });",
        replacement: "return undefined;",
      },
    ],
    caughtBy: [
      inRunning("preflight", "bad certificate"),
      inRunning("targets", "no sender is another"),
    ],
  },
  {
    id: "preflight: an expired certificate fits",
    edits: [
      {
        file: "agent/running/certificates.ts",
        search: "endMs !== undefined && endMs <= nowMs;",
        replacement: "endMs !== undefined && endMs < 0;",
      },
    ],
    caughtBy: [inRunning("preflight", "an expired certificate")],
  },
  {
    id: "preflight: shares of the disk budget are not looked at",
    edits: [
      {
        file: "agent/running/room-trial.ts",
        search: "if (isFull || bytes < highWaterBytes) continue;",
        replacement: "if (isFull || bytes >= 0) continue;",
      },
    ],
    caughtBy: [inRunning("preflight", "above its share")],
  },
  {
    id: "running: a channel that comes has no first epoch",
    edits: [
      {
        file: "agent/outbox/writing/served-channels.ts",
        search: "  store.reload();\n",
        replacement: "",
      },
    ],
    caughtBy: [{ file: "test/agent/outbox/serve.test.ts", only: "comes while the store is open" }],
  },
];
