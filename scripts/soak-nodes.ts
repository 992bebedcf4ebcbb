/**
 * The long form of T-C04: many agents, four receivers on one PostgreSQL, a quarter of the time in trouble.
 * Exit 1 on any violation, 77 where there is no PostgreSQL.
 *
 *   npm run soak:nodes                                                      100 agents, 100,000 messages
 *   npm run soak:nodes -- --agents 100 --messages 100000 --seed 1 --minutes 5 --real-agents 4
 *
 * A seed repeats the messages, the troubles and the moves; what meets what is up to the machine.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { manyNodes } from "#test/faults/many-nodes/many-nodes.ts";
import { withoutPostgres } from "#test/receiver/support/postgres.ts";

const EXIT_USAGE = 64;
const EXIT_CANNOT_RUN = 77;
const MINUTE_MS = 60_000;
/** Longer than a fenced agent stays away (06 TP27), and then as 10 section 1 has it. */
const DRAIN_LIMIT_MS = 420_000;
const REASONS_SHOWN = 20;

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`soak-nodes: ${text} is no whole number`);
  process.exit(EXIT_USAGE);
}

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "100" },
    messages: { type: "string", default: "100000" },
    minutes: { type: "string", default: "5" },
    "real-agents": { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
  },
});
const missing = withoutPostgres();
if (missing !== false) {
  console.log(missing);
  process.exit(EXIT_CANNOT_RUN);
}
const seed = whole(values.seed);
console.log(`seed ${seed}`);
const { reasons, ...figures } = await manyNodes({
  seed,
  agents: whole(values.agents),
  messages: whole(values.messages),
  loadMs: whole(values.minutes) * MINUTE_MS,
  realAgents: whole(values["real-agents"]),
  drainLimitMs: DRAIN_LIMIT_MS,
  progress: (line) => console.log(line),
});
console.log(figures);
for (const reason of reasons.slice(0, REASONS_SHOWN)) console.log(reason);
console.log(`${reasons.length} violations`);
process.exitCode = reasons.length === 0 ? 0 : 1;
