/**
 * What is recorded for the power cuts: one agent under load, stopped, killed and started again, so that
 * opening, recovery and checkpoints are in the recording as well as commits.
 *
 *   node workload.ts --config FILE --root TREE --seed N --messages N PORT PORT
 *
 * Runs under `record.sh`; ends with 0 once every message has its reply and the agent has stopped.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { agentCommand, Started } from "#test/support/processes.ts";
import { chances, controlIdOf, fateOf, messageOf } from "../seeded-messages.ts";
import { StopAndWait } from "../stop-and-wait.ts";

export const CHANNELS = ["adt", "lab"] as const;
const CONNECTIONS_PER_CHANNEL = 4;
/** Settling is written lazily: a little silence, and it is in the recording. */
const SETTLE_MS = 300;

interface Load {
  readonly command: readonly string[];
  readonly seed: number;
  /** Messages of each connection and phase. */
  readonly messages: number;
  readonly ports: readonly number[];
}

/** Phases end in an orderly stop, a kill, an orderly stop. */
async function runLoad({ command, seed, messages, ports }: Load): Promise<void> {
  const random = chances(seed);
  for (const [phase, end] of (["SIGTERM", "SIGKILL", "SIGTERM"] as const).entries()) {
    let agent = new Started(command);
    await agent.ready();
    const sending = ports.flatMap((port, channel) =>
      Array.from({ length: CONNECTIONS_PER_CHANNEL }, (_, index) =>
        sendAll(port, messages, (n) => controlIdOf(seed, `${channel}-${index}`, phase * 1_000 + n)),
      ),
    );
    if (end === "SIGKILL") {
      await pause(100 + random.next().value * 200);
      await agent.end("SIGKILL");
      agent = new Started(command);
      await agent.ready();
    }
    await Promise.all(sending);
    await pause(SETTLE_MS);
    const { code } = await agent.end("SIGTERM");
    if (code !== 0) throw new Error(`the agent ended with ${code}\n${agent.errors}`);
  }
}

async function sendAll(port: number, count: number, id: (n: number) => string): Promise<void> {
  using sender = new StopAndWait(port);
  for (let number = 0; number < count; number++) {
    const controlId = id(number);
    const message = messageOf(controlId);
    const wanted = fateOf(controlId) === "accepted" ? "AA" : "AR";
    // Now and then once more, as after a reply that was lost on its way.
    for (let copies = number % 17 === 3 ? 2 : 1; copies > 0; copies--) {
      const reply = await sender.send(message);
      if (reply?.code !== wanted || reply.controlId !== controlId) {
        throw new Error(`${controlId} was answered ${reply?.code} ${reply?.controlId}`);
      }
    }
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string", default: "" },
      root: { type: "string" },
      seed: { type: "string", default: "1" },
      messages: { type: "string", default: "12" },
    },
  });
  await runLoad({
    command: agentCommand(values.config, values.root),
    seed: Number(values.seed),
    messages: Number(values.messages),
    ports: positionals.map(Number),
  });
}
