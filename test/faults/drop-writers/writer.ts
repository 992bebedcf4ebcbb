/**
 * A sender of files, of one kind, in a process of its own. Says at its end which files it was held up with for so
 * long that nobody could know that they were not complete.
 *
 *   node writer.ts --kind KIND --folder FOLDER --count N --at-once N --stable-ms N --seed N
 *
 * @module
 */
import {
  closeSync,
  ftruncateSync,
  futimesSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { chances } from "../seeded-messages.ts";
import { contentOf } from "./content.ts";
import { KIND_NAMES, KINDS, type KindName } from "./kinds.ts";

/** 1 KB/s. */
const SLOW = { bytes: 256, everyMs: 250 };
const SLOW_BYTES = { least: 600, most: 3_000 };
const QUICK = { bytes: 2_048, everyMs: 40 };
const QUICK_BYTES = { least: 300, most: 20_000 };
const SPREAD_MS = 2_500;
/** A pause that is nearly as long as files must be stable for is too long. */
const STALLED_SHARE = 0.85;
const LONG_PAUSE_SHARE = 1.4;
const SHORT_PAUSE_SHARE = 0.5;
const LATE_SHARE = 2.8;
const OLD_SECOND = 1_000_000_000;

interface Options {
  readonly kind: KindName;
  readonly folder: string;
  readonly stableMs: number;
  readonly random: () => number;
}

/** An open file that knows how long it was left alone. */
class Target {
  readonly #path: string;
  #descriptor: number;
  #lastMs = performance.now();
  longestMs = 0;

  constructor(path: string, flags: string) {
    this.#path = path;
    this.#descriptor = openSync(path, flags);
  }

  write(bytes: Uint8Array, at: number): void {
    const nowMs = performance.now();
    this.longestMs = Math.max(this.longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    writeSync(this.#descriptor, bytes, 0, bytes.length, at);
  }

  get quietMs(): number {
    return performance.now() - this.#lastMs;
  }

  /** What was before does not count. */
  begin(): void {
    this.#lastMs = performance.now();
    this.longestMs = 0;
  }

  allocate(size: number): void {
    ftruncateSync(this.#descriptor, size);
  }

  age(): void {
    futimesSync(this.#descriptor, OLD_SECOND, OLD_SECOND);
  }

  reopen(): void {
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.#path, "r+");
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

async function pour(
  target: Target,
  content: Buffer,
  from: number,
  pace: { readonly bytes: number; readonly everyMs: number },
): Promise<void> {
  for (let at = from; at < content.length; at += pace.bytes) {
    if (at > from) await pause(pace.everyMs);
    target.write(content.subarray(at, at + pace.bytes), at);
  }
}

/** @returns for how long it was left alone, in ms */
async function writeOne(id: string, options: Options): Promise<number> {
  const { kind, folder, stableMs, random } = options;
  const { form } = KINDS[kind];
  const { least, most } = kind === "slow" ? SLOW_BYTES : QUICK_BYTES;
  const content = contentOf(form, id, least * (most / least) ** random());
  const final = join(folder, `${id}.${form === "pdf" ? "pdf" : "hl7"}`);
  const isTemporary = kind === "renaming" || kind === "finishing";
  const path = isTemporary ? `${final}.tmp` : final;
  const half = content.length >> 1;
  if (kind === "rewriting") return await rewriteOne(final, id, content, options);
  const target = new Target(path, "wx");
  if (kind === "allocating") target.allocate(content.length);
  if (kind === "slow") await pour(target, content, 0, SLOW);
  else {
    await pour(target, content.subarray(0, half), 0, QUICK);
    if (kind === "appending") target.reopen();
    const share = kind === "appending" ? SHORT_PAUSE_SHARE : LONG_PAUSE_SHARE;
    const pauses = !["allocating", "copying"].includes(kind);
    if (pauses) await pause(stableMs * share);
    await pour(target, content, half, QUICK);
  }
  if (kind === "copying") target.age();
  target.close();
  if (isTemporary) renameSync(path, final);
  if (kind === "announcing") writeFileSync(`${final}.ok`, "");
  const isTold = isTemporary || ["announcing", "pausing", "printing"].includes(kind);
  return isTold ? 0 : target.longestMs;
}

/** Both are whole; what lies there in between is neither. */
async function rewriteOne(
  path: string,
  id: string,
  content: Buffer,
  { stableMs, random }: Options,
): Promise<number> {
  const first = contentOf("hl7", `${id}-before`, content.length);
  const target = new Target(path, "wx");
  target.write(first, 0);
  await pause(stableMs * (0.5 + 2 * random()));
  // Later than it is looked at once more.
  if (target.quietMs > stableMs * LATE_SHARE) return Number.POSITIVE_INFINITY;
  // By now it may be anywhere: what is open is written to.
  target.begin();
  await pour(target, content, 0, QUICK);
  target.allocate(content.length);
  target.close();
  return target.longestMs;
}

async function run(count: number, atOnce: number, options: Options): Promise<string[]> {
  const stalled: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    await pause(options.random() * SPREAD_MS);
    while (next < count) {
      const id = `${options.kind}-${next++}`;
      const leftMs = await writeOne(id, options);
      if (leftMs > options.stableMs * STALLED_SHARE) stalled.push(id);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return stalled;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      ...{ kind: { type: "string", default: "" }, folder: { type: "string", default: "" } },
      ...{ count: { type: "string", default: "1" }, "at-once": { type: "string", default: "1" } },
      ...{ "stable-ms": { type: "string", default: "1" }, seed: { type: "string", default: "1" } },
    },
  });
  const kind = KIND_NAMES.find((name) => name === values.kind);
  if (kind === undefined) throw new Error(`no such kind: ${values.kind}`);
  const drawn = chances(Number(values.seed) * 100 + KIND_NAMES.indexOf(kind));
  const options = {
    ...{ kind, folder: values.folder, stableMs: Number(values["stable-ms"]) },
    random: () => drawn.next().value,
  };
  const stalled = await run(Number(values.count), Number(values["at-once"]), options);
  process.stdout.write(`${JSON.stringify(stalled)}\n`);
}
