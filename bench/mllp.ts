/**
 * What 03 F11 promises of the block reader and of one connection beside another, and what it costs to
 * examine a message and to prepare its answer.
 *
 * @module
 */
import { hash } from "node:crypto";
import { join } from "node:path";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { prepareAnswer } from "#agent/ingest/answer.ts";
import type { Arrival } from "#agent/ingest/channel.ts";
import { examine } from "#agent/ingest/examine.ts";
import { ReplyStamps } from "#agent/ingest/identify.ts";
import { BlockReader } from "#agent/ingest/mllp/block-reader.ts";
import { ReplyBuilder } from "#agent/ingest/replies.ts";
import { BLOCK_MAX_BYTES } from "#agent/limits.ts";
import { DEFAULT_RULES } from "#test/support/default-channel.ts";
import { quantile } from "./limits.ts";
import { type LoadResult, Rig } from "./rig.ts";
import { megabytes, milliseconds, type Row, ratio, whole } from "./table.ts";

const MIB = 1024 ** 2;
const CHUNKS_BYTES = [1, 1_024, 65_536] as const;
/** Read in each measurement, after one block that warms up; byte by byte less, for it is slow. */
const MEASURED_BYTES = 128 * MIB;
const SLOW_MEASURED_BYTES = 16 * MIB;
const MESSAGE_BYTES = 1_024;
const WARM_UP_MESSAGES = 5_000;
const MESSAGES = 50_000;

/** Processor time for one block, in ms, by size and chunk. */
interface ReaderCost {
  readonly chunkBytes: number;
  readonly small: number;
  readonly large: number;
}

interface Round {
  readonly reader: readonly ReaderCost[];
  readonly sha256Micros: number;
  readonly examineMicros: number;
  readonly alone: LoadResult;
  readonly beside: LoadResult;
  /** Of the agent, while the endless block goes on. */
  readonly memoryBytes: number;
}

/** @param seconds of each measurement over a socket */
export async function measureMllp(folder: string, rounds: number, seconds: number): Promise<Row[]> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const cpu = { reader: CHUNKS_BYTES.map(readerCost), ...messageCost() };
    all.push({ ...cpu, ...(await besideEndlessBlock(folder, seconds)) });
    console.error(`mllp: round ${round} of ${rounds} done`);
  }
  return [...CHUNKS_BYTES.map((_, index) => readerRow(all, index)), examineRow(all), ...rows(all)];
}

function readerCost(chunkBytes: number): ReaderCost {
  return { chunkBytes, small: blockCpuMs(MIB, chunkBytes), large: blockCpuMs(8 * MIB, chunkBytes) };
}

/** One connection's reader; what it gives out is let go at once. */
function blockCpuMs(blockBytes: number, chunkBytes: number): number {
  const head = Buffer.from("\x0bMSH|^~\\&|BENCH|||||||ADT^A01|1|P|2.5\r", "latin1");
  const end = Buffer.from("\x1c\r", "latin1");
  // Reused, as the memory of a socket is; chunks of their own would cost more than the reader.
  const chunk = Buffer.alloc(chunkBytes, "x");
  const pushes = Math.floor((blockBytes - head.length - end.length) / chunkBytes);
  const reader = new BlockReader({ blockMaxBytes: BLOCK_MAX_BYTES, lenientEnd: true });
  let blocks = 0;
  const read = (count: number): void => {
    for (let number = 0; number < count; number++) {
      reader.push(head);
      for (let push = 0; push < pushes; push++) reader.push(chunk);
      for (const { kind } of reader.push(end)) if (kind === "block") blocks += 1;
    }
  };
  const count = Math.ceil((chunkBytes === 1 ? SLOW_MEASURED_BYTES : MEASURED_BYTES) / blockBytes);
  read(1);
  const took = cpuMs(() => read(count));
  if (blocks !== count + 1) throw new Error(`${blocks} of ${count + 1} blocks came out`);
  return took / count;
}

/** For one 1 KB ADT that is plain and good, in µs. */
function messageCost(): { readonly sha256Micros: number; readonly examineMicros: number } {
  const text = "MSH|^~\\&|BENCH|FAC|CLOUD|FAC|20260101120000||ADT^A01^ADT_A01|000000000001|P|2.5\r";
  const segments = "EVN|A01|20260101120000\rPID|1||MRN0001^^^FAC||DOE^JANE||19800101|F\rPV1|1|I\r";
  const bytes = Buffer.from(`${`${text}${segments}NTE|1||`.padEnd(MESSAGE_BYTES - 1, "x")}\r`);
  const log: Log = { write: () => {}, fault: () => {} };
  const record = new ChannelRecord({ channel: "adt", clock: systemClock, log });
  const arrival: Arrival = {
    channel: { name: "adt", id: 1, record, rules: DEFAULT_RULES },
    peer: "127.0.0.1:1",
    address: "127.0.0.1",
    kind: "block",
    bytes,
    totalBytes: bytes.length,
    large: undefined,
    answerable: true,
  };
  const replies = new ReplyBuilder(new ReplyStamps(systemClock));
  let answered = 0;
  const answer = (count: number): void => {
    for (let number = 0; number < count; number++) {
      const examined = examine(arrival);
      if (examined.kind === "empty") continue;
      const { reply } = prepareAnswer(arrival, examined.items, examined.batch, replies);
      if (reply !== undefined) answered += 1;
    }
  };
  const digest = (count: number): void => {
    for (let number = 0; number < count; number++) hash("sha256", bytes, "buffer");
  };
  answer(WARM_UP_MESSAGES);
  digest(WARM_UP_MESSAGES);
  const examineMs = cpuMs(() => answer(MESSAGES));
  const sha256Ms = cpuMs(() => digest(MESSAGES));
  if (answered !== WARM_UP_MESSAGES + MESSAGES) throw new Error(`${answered} were answered`);
  const micros = (ms: number): number => (ms * 1000) / MESSAGES;
  return { sha256Micros: micros(sha256Ms), examineMicros: micros(examineMs) };
}

/** Stop-and-wait on one connection, first alone, then while a peer writes a block that never ends. */
async function besideEndlessBlock(
  folder: string,
  seconds: number,
): Promise<Pick<Round, "alone" | "beside" | "memoryBytes">> {
  await using rig = await Rig.make(join(folder, "mllp"));
  await rig.startAgent();
  await rig.load(1, 1, MESSAGE_BYTES);
  const alone = await rig.load(1, seconds, MESSAGE_BYTES);
  await using _ = await rig.hostile(1, ["endlessBlock"]);
  const beside = await rig.load(1, seconds, MESSAGE_BYTES);
  return { alone, beside, memoryBytes: rig.agentMemoryBytes() };
}

/** Processor time of this process while `work` runs, in ms. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const median = (all: readonly Round[], pick: (round: Round) => number): number =>
  quantile(all.map(pick), 0.5);

function readerRow(all: readonly Round[], index: number): Row {
  const of = (round: Round): ReaderCost =>
    round.reader[index] ?? { chunkBytes: 0, small: Number.NaN, large: Number.NaN };
  const [small, large] = [median(all, (r) => of(r).small), median(all, (r) => of(r).large)];
  return [
    `block reader, 8 MiB in chunks of ${whole(CHUNKS_BYTES[index] ?? 0)} B`,
    `${milliseconds(large)} CPU (${((large * 1e6) / (8 * MIB)).toFixed(3)} ns a byte)`,
    `${milliseconds(small)} CPU, 1 MiB (${((small * 1e6) / MIB).toFixed(3)} ns a byte)`,
    ratio(median(all, (r) => of(r).large / of(r).small)),
    "≤ 10",
  ];
}

function examineRow(all: readonly Round[]): Row {
  return [
    "examine and prepare the answer, 1 KB ADT",
    `${median(all, (r) => r.examineMicros).toFixed(2)} µs CPU a message`,
    `${median(all, (r) => r.sha256Micros).toFixed(2)} µs, SHA-256 of the same bytes`,
    ratio(median(all, (r) => r.examineMicros / r.sha256Micros)),
    "",
  ];
}

function rows(all: readonly Round[]): Row[] {
  const row = (name: string, pick: (load: LoadResult) => number, target = ""): Row => [
    `acknowledgment ${name} of 1 connection beside an endless block`,
    milliseconds(median(all, (r) => pick(r.beside))),
    `${milliseconds(median(all, (r) => pick(r.alone)))}, without it`,
    ratio(median(all, (r) => pick(r.beside) / pick(r.alone))),
    target,
  ];
  // The worst acknowledgment of all rounds, not a median, against the usual one: "not delayed by more" (F11).
  const worst = Math.max(...all.map((r) => r.beside.maxMs - r.alone.p50Ms));
  return [
    row("p50", ({ p50Ms }) => p50Ms),
    row("p99", ({ p99Ms }) => p99Ms),
    row("max", ({ maxMs }) => maxMs),
    ["longest delay by an endless block in any round", milliseconds(worst), "", "", "≤ 200 ms"],
    ["agent memory during it", megabytes(median(all, (r) => r.memoryBytes)), "", "", ""],
  ];
}
