/** Defects of the protocol's two ends that the simulation must notice (10 T-M04, T-M05, T-P05). @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const SCHEDULES: NamedTests = { file: "test/simulation/schedules.test.ts", only: "T-P05" };

export const SIMULATION_MUTANTS: readonly Mutant[] = [
  {
    id: "T-M04 no fence, in the simulation",
    edits: [
      {
        file: "receiver/store/sqlite/locate.ts",
        search: "return latest !== BigInt(session);",
        replacement: "return latest === BigInt(-1 - session);",
      },
    ],
    caughtBy: [SCHEDULES],
  },
  {
    id: "T-M05 duplicates recognised by seq without epoch",
    edits: [
      {
        file: "receiver/store/sqlite/ingest-step.ts",
        search: "  const origin = item.replaces === null ?",
        replacement: `  const before = call.epoch - 1n;
  if (sql.findMessage.get(call.agent, call.channel, before, seq) !== undefined) {
    position.lastSeq = seq;
    return;
  }
  const origin = item.replaces === null ?`,
      },
    ],
    caughtBy: [SCHEDULES],
  },
  {
    id: "a message is settled when it is sent",
    edits: [
      {
        file: "agent/relay/channel-feed.ts",
        search:
          '    if (item !== undefined) this.#takenSeq = "body" in item ? item.seq : item.lastSeq;',
        replacement:
          '    if (item !== undefined) this.#settle("body" in item ? item.seq : item.lastSeq);',
      },
    ],
    caughtBy: [SCHEDULES],
  },
  {
    id: "an ACK says one too many",
    edits: [
      {
        file: "streams/sink/sink.ts",
        search: "    this.#acknowledge(stream, outcome.last);",
        replacement: "    this.#acknowledge(stream, outcome.last + 1n);",
      },
    ],
    caughtBy: [SCHEDULES],
  },
  {
    id: "sending goes on one behind the next message after a reconnect",
    edits: [
      {
        file: "agent/relay/channel-feed.ts",
        search: "fromSeq: lastSeq + 1n, lastSeq:",
        replacement: "fromSeq: lastSeq + 2n, lastSeq:",
      },
    ],
    caughtBy: [SCHEDULES],
  },
  {
    id: "the receiver does not look for what a message replaces",
    edits: [
      {
        file: "receiver/store/sqlite/ingest-step.ts",
        search: "    return Buffer.compare(sha256, item.sha256) === 0\n",
        replacement: "    return Buffer.compare(sha256, item.sha256) > 1\n",
      },
    ],
    caughtBy: [SCHEDULES],
  },
];
