/**
 * What is recorded for the power cuts: one agent under load, stopped, killed and started again, so that
 * opening, recovery and checkpoints are in the recording as well as commits.
 *
 *   node workload.ts --config FILE --root TREE --seed N --messages N --kind KIND [--mark-replies] PORT PORT
 *
 * Runs under a rig's `record.sh`; ends with 0 once every message has its reply and the agent has stopped.
 *
 * @module
 */
import { openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { RECEIVER_CA_PEM } from "#test/receiver/support/identities.ts";
import { agentCommand, Started } from "#test/support/processes.ts";
import { chances, controlIdOf, fateOf, messageOf, SMALL_MAX_BYTES } from "../seeded-messages.ts";
import { StopAndWait } from "../stop-and-wait.ts";
import { SettlingReceiver } from "./settling-receiver.ts";
import { WORKLOADS, type WorkloadKind } from "./workload-kinds.ts";

const CONNECTIONS_PER_CHANNEL = 4;
/** Settling is written lazily: a little silence, and it is in the recording. */
const SETTLE_MS = 300;
/** Longer, so that the last of them settle, and are pruned. */
const PRUNE_MS = 1_500;

interface Load {
  readonly command: readonly string[];
  /** Makes a backup of the running agent's store, given a name. */
  readonly backup: (name: string) => Promise<void>;
  readonly seed: number;
  /** Messages of each connection and phase. */
  readonly messages: number;
  readonly kind: WorkloadKind;
  readonly ports: readonly number[];
  /** Writes a promise into the recording. */
  readonly mark: ((text: string) => void) | undefined;
}

/** Phases end in an orderly stop, a kill, an orderly stop. */
async function runLoad(load: Load): Promise<void> {
  const { command, backup, seed, messages, kind, ports, mark } = load;
  const random = chances(seed);
  for (const [phase, end] of (["SIGTERM", "SIGKILL", "SIGTERM"] as const).entries()) {
    let agent = new Started(command);
    await agent.ready();
    const sending = ports.flatMap((port, channel) =>
      Array.from({ length: CONNECTIONS_PER_CHANNEL }, (_, index) => {
        const ids = idsOf(kind, messages, (n) =>
          controlIdOf(seed, `${channel}-${index}`, phase * 1_000 + n),
        );
        return sendAll(port, ids, mark);
      }),
    );
    if (end === "SIGKILL") {
      await pause(100 + random.next().value * 200);
      await agent.end("SIGKILL");
      agent = new Started(command);
      await agent.ready();
    }
    // Not of an agent that is about to be killed.
    const backedUp = kind === "pruning" && end !== "SIGKILL" ? backup(`${phase}`) : undefined;
    await Promise.all([...sending, backedUp]);
    await pause(kind === "pruning" ? PRUNE_MS : SETTLE_MS);
    const { code } = await agent.end("SIGTERM");
    if (code !== 0) throw new Error(`the agent ended with ${code}\n${agent.errors}`);
  }
}

function* idsOf(kind: WorkloadKind, count: number, id: (n: number) => string): Generator<string> {
  for (let number = 0, given = 0; given < count; number++) {
    const controlId = id(number);
    if (kind === "small" && messageOf(controlId).length > SMALL_MAX_BYTES) continue;
    given += 1;
    yield controlId;
  }
}

async function sendAll(port: number, ids: Iterable<string>, mark: Load["mark"]): Promise<void> {
  using sender = new StopAndWait(port);
  for (const controlId of ids) {
    const message = messageOf(controlId);
    const wanted = fateOf(controlId) === "accepted" ? "AA" : "AR";
    // Now and then once more, as after a reply that was lost on its way.
    const copies = Number(controlId.split(".").at(-1)) % 17 === 3 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const reply = await sender.send(message);
      if (reply?.code !== wanted || reply.controlId !== controlId) {
        throw new Error(`${controlId} was answered ${reply?.code} ${reply?.controlId}`);
      }
      mark?.(`MSA|${wanted}|${controlId}`);
    }
  }
}

/** Lets the agent dial a receiver in this process instead of the pair's. */
function dialHere(config: string, url: URL): void {
  const yaml = readFileSync(config, "utf8").replace(/url: wss:\S*/, `url: ${url.origin}`);
  writeFileSync(config, yaml);
  writeFileSync(join(dirname(config), "identity/receiver-ca.crt"), RECEIVER_CA_PEM);
}

async function backUp(config: string, root: string | undefined, name: string): Promise<void> {
  const [program = "", main = ""] = agentCommand(config, root);
  const folder = join(dirname(config), `backup-${name}`);
  const command = [program, main, "backup", "create", folder, "--config", config];
  await using asked = new Started(command);
  const { code } = await asked.ended;
  if (code !== 0) throw new Error(`the backup ended with ${code}\n${asked.errors}`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string", default: "" },
      root: { type: "string" },
      seed: { type: "string", default: "1" },
      messages: { type: "string", default: "12" },
      kind: { type: "string", default: "mixed" },
      "mark-replies": { type: "boolean", default: false },
    },
  });
  const kind = WORKLOADS.find((one) => one === values.kind);
  if (kind === undefined) throw new Error(`no such workload: ${values.kind}`);
  const marks = openSync(process.env["CRASH_MARK"] ?? "/dev/null", "a");
  const mark = (text: string): void => {
    writeSync(marks, `${text}\n`);
  };
  await using receiver = kind === "pruning" ? await SettlingReceiver.open(mark) : undefined;
  if (receiver !== undefined) dialHere(values.config, receiver.url);
  await runLoad({
    command: agentCommand(values.config, values.root),
    backup: (name) => backUp(values.config, values.root, name),
    seed: Number(values.seed),
    messages: Number(values.messages),
    ports: positionals.map(Number),
    ...{ kind, mark: values["mark-replies"] ? mark : undefined },
  });
}

if (import.meta.main) await main();
