/**
 * `npm run conformance`: plays an agent against any receiver, or a receiver against any agent (06 TP40).
 * Knows the protocol and nothing of our agent or receiver: what it says of them is not their own word.
 * Exits 0 only if no scenario failed or was skipped.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Identity, loadIdentity } from "#certs/identity.ts";
import { AGENT_SCENARIOS } from "./agent/scenarios.ts";
import { AgentSubject } from "./agent/subject.ts";
import { RECEIVER_SCENARIOS } from "./receiver/scenarios.ts";
import { ReceiverSubject } from "./receiver/subject.ts";
import { type Report, runAll } from "./report.ts";

const EXIT_NOT_CONFORMING = 1;
const EXIT_USAGE = 64;
const USAGE = `npm run conformance -- --receiver URL --identity DIR [--export COMMAND] [--other URL]
npm run conformance -- --agent-port N --identity DIR --mllp HOST:PORT [--every-vector] [--clock-rate N]
  --only TEXT   only scenarios whose rule or title contains TEXT
docs/conformance.md says more`;

const { values } = parseArgs({
  options: {
    receiver: { type: "string" },
    other: { type: "string" },
    export: { type: "string" },
    "agent-port": { type: "string" },
    mllp: { type: "string" },
    "every-vector": { type: "boolean", default: false },
    "clock-rate": { type: "string", default: "1" },
    identity: { type: "string" },
    only: { type: "string" },
  },
});

function fail(what: string): never {
  console.error(`conformance: ${what}\n${USAGE}`);
  process.exit(EXIT_USAGE);
}

/** @param name of certificate and key, `agent` or `server`; `ca` issued those of the other end */
function identityFrom(folder: string, name: string, ca: string): Identity {
  const file = (part: string): string => join(folder, part);
  const own = { certificate: file(`${name}.crt`), key: file(`${name}.key`) };
  return loadIdentity({ ...own, receiverCa: file(`${ca}.crt`) });
}

const print = (line: string): void => console.log(line);

async function run(identity: string): Promise<Report> {
  const { receiver, only, mllp } = values;
  const port = Number(values["agent-port"]);
  const clockRate = Number(values["clock-rate"]);
  if (receiver !== undefined) {
    const subject = new ReceiverSubject({
      ...{ url: receiver, otherUrl: values.other, exportCommand: values.export },
      identity: identityFrom(identity, "agent", "receiver-ca"),
    });
    return await runAll(RECEIVER_SCENARIOS, subject, print, only);
  }
  if (!Number.isInteger(port) || mllp === undefined || !(clockRate > 0))
    fail("what to check is missing");
  await using subject = await AgentSubject.open({
    ...{ port, mllp, clockRate, everyVector: values["every-vector"] },
    identity: identityFrom(identity, "server", "agent-ca"),
  });
  return await runAll(AGENT_SCENARIOS, subject, print, only);
}

if (values.identity === undefined) fail("--identity is missing");
const { failed, skipped } = await run(values.identity);
process.exit(failed + skipped > 0 ? EXIT_NOT_CONFORMING : 0);
