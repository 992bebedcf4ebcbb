/** A folder that holds 100,000 files (04 P13): what a listing costs, and how long until the first one is stored. @module */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DropRig } from "./file-drop-rig.ts";
import { quantile } from "./limits.ts";
import type { LoadResult } from "./rig.ts";
import { megabytes, milliseconds, type Row, ratio, whole } from "./table.ts";

const FILES = 100_000;
const POLL_SECONDS = 5;
/** Looked at from outside: listings are counted, and processor time is taken. */
const WINDOW_POLLS = 4;
const LOOK_MS = 100;
const PACED_PER_SECOND = 50;
const MESSAGE_BYTES = 1_024;

interface Standing {
  readonly cpuMsPerPoll: number;
  readonly memoryBytes: number;
  readonly load: LoadResult;
}

interface Round {
  readonly empty: Standing;
  readonly waiting: Standing;
  readonly firstListingMs: number;
  readonly firstMessageMs: number;
}

export async function measureFullFolder(
  folder: string,
  rounds: number,
  seconds: number,
): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const empty = await waiting(folder, 0, seconds);
    const full = await waiting(folder, FILES, seconds);
    all.push({
      empty: empty.standing,
      waiting: full.standing,
      firstListingMs: full.firstListingMs,
      firstMessageMs: await firstMessage(folder),
    });
    console.error(`full folder: round ${round} of ${rounds} done`);
  }
  return rows(all);
}

/** Files without their control files. */
async function waiting(
  folder: string,
  count: number,
  seconds: number,
): Promise<{ readonly standing: Standing; readonly firstListingMs: number }> {
  await using drop = await DropRig.make(join(folder, "full"), "    completion: controlFile\n");
  drop.fill(count);
  await drop.rig.startAgent();
  const beganMs = await drop.beganMs();
  const firstListingMs = (await nextListing(drop)) - beganMs;
  await nextListing(drop);
  const cpuBeforeMs = drop.rig.agentCpuMs();
  for (let poll = 0; poll < WINDOW_POLLS; poll++) await nextListing(drop);
  const cpuMsPerPoll = (drop.rig.agentCpuMs() - cpuBeforeMs) / WINDOW_POLLS;
  const memoryBytes = drop.rig.agentMemoryBytes();
  // A whole poll at least is within.
  const load = await drop.rig.load(
    1,
    Math.max(seconds, POLL_SECONDS + 1),
    MESSAGE_BYTES,
    PACED_PER_SECOND,
  );
  return { standing: { cpuMsPerPoll, memoryBytes, load }, firstListingMs };
}

/** Waits until the folder has been listed once more. @returns when, by wall clock */
async function nextListing(drop: DropRig): Promise<number> {
  const before = (await drop.channel()).folder?.lastPollAt;
  for (;;) {
    const at = (await drop.channel()).folder?.lastPollAt;
    if (at !== undefined && at !== before) return Date.parse(at);
    await sleep(LOOK_MS);
  }
}

/** All are complete when the agent looks first. */
async function firstMessage(folder: string): Promise<number> {
  await using drop = await DropRig.make(join(folder, "full"), "    completion: rename\n");
  drop.fill(FILES);
  await drop.rig.startAgent();
  const beganMs = await drop.beganMs();
  for (;;) {
    if ((await drop.channel()).lastSeq > 0) return Date.now() - beganMs;
    await sleep(10);
  }
}

function rows(all: readonly Round[]): Row[] {
  const median = (pick: (round: Round) => number): number => quantile(all.map(pick), 0.5);
  const files = `${whole(FILES)} files waiting`;
  const more = median((r) => r.waiting.memoryBytes - r.empty.memoryBytes);
  const ack = (name: string, pick: (load: LoadResult) => number): Row => [
    `acknowledgment ${name}, one sender, ${PACED_PER_SECOND} a second, ${files}`,
    milliseconds(median((r) => pick(r.waiting.load))),
    `${milliseconds(median((r) => pick(r.empty.load)))}, empty folder`,
    ratio(median((r) => pick(r.waiting.load) / pick(r.empty.load))),
    "",
  ];
  return [
    [
      `agent CPU in the ${POLL_SECONDS} s of a poll, ${files}`,
      `${whole(median((r) => r.waiting.cpuMsPerPoll))} ms`,
      `${whole(median((r) => r.empty.cpuMsPerPoll))} ms, empty folder`,
      `${(median((r) => r.waiting.cpuMsPerPoll - r.empty.cpuMsPerPoll) * (1000 / FILES)).toFixed(1)} µs a file`,
      "",
    ],
    [
      `agent memory, ${files}`,
      megabytes(median((r) => r.waiting.memoryBytes)),
      `${megabytes(median((r) => r.empty.memoryBytes))}, empty folder`,
      `${whole(more / FILES)} B a file`,
      "≤ 512 B (04 P13)",
    ],
    ack("p50", ({ p50Ms }) => p50Ms),
    ack("p99", ({ p99Ms }) => p99Ms),
    [
      `first listing of ${whole(FILES)} files`,
      `${whole(median((r) => r.firstListingMs))} ms`,
      "",
      "",
      "",
    ],
    [
      `from the start to the first message, ${whole(FILES)} files complete`,
      `${whole(median((r) => r.firstMessageMs))} ms`,
      "",
      "",
      "",
    ],
  ];
}
