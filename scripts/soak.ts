/**
 * `npm run soak`: the long forms of the fault tests. Exit 1 on any violation.
 *
 *   npm run soak                                    power cuts: 20,000 images over the seeds 1, 2, 3
 *   npm run soak -- --images 20000 --seeds 1,2,3 --workload small|mixed|pruning
 *   npm run soak -- --kill-rounds 200 [--seeds 1]   kill -9 of agent or receiver, so many rounds a seed
 *   npm run soak -- --every-call                    each write and each flush of a short life fails, once and for ever
 *   npm run soak -- --bit-flips [--seeds 1]         400 bits of a closed store flip, 60 of the log of a killed one
 *   npm run soak -- --drop-images 10000 [--seeds 1] power cuts of store and drop folders
 *   npm run soak -- --drop-writers 10000            so many files, written in every way at once
 *   npm run soak -- --drop-kills 10000              so many files, while the agent is killed again and again
 *   npm run soak -- --changes 2000                  so many changes of the channels that run, under senders
 *   npm run soak -- --configurations 20000          power cuts while signed configurations come into force
 *
 * A seed that is printed with a violation repeats it; the first bad image is kept in `build/soak`.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  FlippedStore,
  titleOf as flipTitleOf,
  isWrong,
  judgeAll,
  places,
  VERDICTS,
  type Verdict,
} from "#test/faults/bit-flips/bit-flips.ts";
import {
  callsOfOneLife,
  FAULTS,
  playAll,
  titleOf as roundTitleOf,
  spread,
} from "#test/faults/every-call/every-call.ts";
import { killRounds } from "#test/faults/kill-rounds/kill-rounds.ts";
import { PlantedCopy } from "#test/faults/planted-copy.ts";
import { CHECKPOINT_OFTEN, PRUNE_OFTEN } from "#test/faults/power-cut/often.ts";
import { cutPower } from "#test/faults/power-cut/power-cut.ts";
import { WORKLOADS, type WorkloadKind } from "#test/faults/power-cut/workload-kinds.ts";
import { recorderMissing } from "#test/rigs/recorder.ts";
import { soakChanges } from "./soak-changes.ts";
import { soakConfigurations } from "./soak-configuration.ts";
import { soakDropImages, soakDropKills, soakDropWriters } from "./soak-drops.ts";

const ROOT = join(import.meta.dirname, "..");
const EXIT_USAGE = 64;
const MODEL_COUNT = 5;
/** Of each of eight connections in each of three phases. */
const POWER_CUT_MESSAGES = 12;
/** 200 rounds leave some 20,000 messages. */
const KILL_THINK_MS = 60;
const FLIPS = { close: 400, kill: 60 } as const;

/** Each seed twice: as the agent is, and with frequent checkpoints. @returns images that violate an oracle */
async function soakPowerCuts(
  images: number,
  seeds: readonly number[],
  workload: WorkloadKind,
): Promise<number> {
  const missing = recorderMissing();
  if (missing !== false) throw new Error(missing);
  const prunes = workload === "pruning" ? PRUNE_OFTEN : [];
  using plain = new PlantedCopy(prunes);
  using often = new PlantedCopy([...prunes, ...CHECKPOINT_OFTEN]);
  const trees = [
    ["as it is", prunes.length === 0 ? ROOT : plain.root],
    ["checkpoints often", often.root],
  ] as const;
  const points = Math.ceil(images / seeds.length / trees.length / MODEL_COUNT);
  let total = 0;
  let bad = 0;
  for (const seed of seeds) {
    for (const [name, root] of trees) {
      const part = `seed-${seed}-${workload}-${name.replaceAll(" ", "-")}`;
      const keep = join(ROOT, "build/soak", part);
      const cut = { seed, messages: POWER_CUT_MESSAGES, points, workload, root, keep };
      const replayed = await cutPower(cut);
      for (const [model, counts] of Object.entries(replayed.models)) {
        const result = `${counts.images} images, ${counts.bad} violated`;
        console.log(`seed ${seed}  ${name.padEnd(18)} ${model.padEnd(7)} ${result}`);
      }
      if (replayed.bad > 0) console.log(replayed.violations);
      total += replayed.images;
      bad += replayed.bad;
    }
  }
  console.log(`power cuts, ${workload}: ${total} images, ${bad} violated`);
  return bad;
}

/** @returns reasons why an oracle does not hold */
async function soakKills(rounds: number, seeds: readonly number[]): Promise<number> {
  let bad = 0;
  for (const seed of seeds) {
    const { acknowledged, agentKills, receiverKills, resends, reasons } = await killRounds({
      ...{ seed, rounds, thinkMs: KILL_THINK_MS },
    });
    console.log(
      `seed ${seed}  ${agentKills} kills of the agent, ${receiverKills} of the receiver: ` +
        `${acknowledged} acknowledged, ${resends} sent again, ${reasons.length} violations`,
    );
    for (const reason of reasons.slice(0, 20)) console.log(`  ${reason}`);
    bad += reasons.length;
  }
  return bad;
}

/** @returns rounds that do not hold */
async function soakEveryCall(): Promise<number> {
  const missing = recorderMissing();
  if (missing !== false) throw new Error(missing);
  const calls = await callsOfOneLife();
  console.log(`one life makes ${calls.writes} writes and ${calls.fsyncs} flushes`);
  let bad = 0;
  for (const fault of FAULTS) {
    const rounds = spread(Number.MAX_SAFE_INTEGER, calls).filter((one) => one.fault === fault);
    const ended = new Map<string, number>();
    await playAll(rounds, availableParallelism(), (one) => {
      const how = String(one.ended);
      ended.set(how, (ended.get(how) ?? 0) + 1);
      if (one.reasons.length === 0) return;
      bad += 1;
      console.log(`${roundTitleOf(one)}: ${one.reasons.join("; ")}`);
    });
    const counts = [...ended].map(([how, count]) => `${count} ended with ${how}`).join(", ");
    console.log(`${fault.padEnd(13)} ${rounds.length} rounds: ${counts}`);
  }
  console.log(`every call: ${bad} rounds violated`);
  return bad;
}

/** @returns flips that are not noticed as they should be */
async function soakBitFlips(seeds: readonly number[]): Promise<number> {
  let bad = 0;
  for (const seed of seeds) {
    for (const end of ["close", "kill"] as const) {
      using store = await FlippedStore.make(end);
      const files = store.files().filter(({ file }) => end === "close" || file.endsWith("-wal"));
      const counts = new Map<Verdict, number>();
      await judgeAll(store, places(files, FLIPS[end], seed), availableParallelism(), (one) => {
        counts.set(one.verdict, (counts.get(one.verdict) ?? 0) + 1);
        if (!isWrong(one)) return;
        bad += 1;
        console.log(flipTitleOf(one));
      });
      const text = VERDICTS.map((verdict) => `${counts.get(verdict) ?? 0} ${verdict}`).join(", ");
      const what = end === "close" ? "a closed store" : "the log of a killed one";
      console.log(`seed ${seed}  ${FLIPS[end]} flips in ${what}: ${text}`);
    }
  }
  return bad;
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`soak: ${text} is no whole number above 0`);
  process.exit(EXIT_USAGE);
}

const { values } = parseArgs({
  options: {
    images: { type: "string" },
    workload: { type: "string", default: "mixed" },
    "kill-rounds": { type: "string" },
    "every-call": { type: "boolean", default: false },
    "bit-flips": { type: "boolean", default: false },
    "drop-images": { type: "string" },
    "drop-writers": { type: "string" },
    "drop-kills": { type: "string" },
    changes: { type: "string" },
    configurations: { type: "string" },
    seeds: { type: "string" },
  },
});
const rounds = values["kill-rounds"];
const COUNTED = [
  [values["drop-images"], soakDropImages],
  [values["drop-writers"], soakDropWriters],
  [values["drop-kills"], soakDropKills],
  [values.configurations, soakConfigurations],
] as const;
const others =
  rounds !== undefined ||
  values["every-call"] ||
  values["bit-flips"] ||
  values.changes !== undefined ||
  COUNTED.some(([count]) => count !== undefined);
const seeds = (values.seeds ?? (others ? "1" : "1,2,3")).split(",").map(whole);
const workload = WORKLOADS.find((kind) => kind === values.workload);
if (workload === undefined) {
  console.error(`soak: --workload knows ${WORKLOADS.join(", ")}`);
  process.exit(EXIT_USAGE);
}
let violations = 0;
if (!others || values.images !== undefined) {
  violations += await soakPowerCuts(whole(values.images ?? "20000"), seeds, workload);
}
if (rounds !== undefined) violations += await soakKills(whole(rounds), seeds);
if (values["every-call"]) violations += await soakEveryCall();
if (values["bit-flips"]) violations += await soakBitFlips(seeds);
if (values.changes !== undefined) violations += await soakChanges(whole(values.changes), seeds);
for (const [count, soak] of COUNTED) {
  if (count !== undefined) violations += await soak(whole(count), seeds);
}
process.exitCode = violations === 0 ? 0 : 1;
