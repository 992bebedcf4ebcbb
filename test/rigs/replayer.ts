/** Rig A's replayer for tests: every image of a recording, judged. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const REPLAY = join(import.meta.dirname, "preload/replay.mjs");
const EXIT_VIOLATED = 1;
const EXIT_TORN = 4;
/** A kill meets the recorder in the middle of a record once in hundreds of recordings. */
const RECORDINGS = 3;

/** A kill tore a record, and the program went on: what that call did is not known, and nothing can be judged. */
export class TornRecording extends Error {
  override readonly name = "TornRecording";
}

/** Records anew where the recording is torn. @param judged records, and judges what was recorded */
export async function onWholeRecording<T>(judged: () => Promise<T>): Promise<T> {
  for (let recording = 1; ; recording++) {
    try {
      return await judged();
    } catch (error) {
      if (!(error instanceof TornRecording) || recording === RECORDINGS) throw error;
    }
  }
}

/** What of a recording is replayed. */
export interface Replay {
  readonly log: string;
  /** What the program left: the recording must explain every byte of it. */
  readonly final: string;
  /** A module with `check(dir, marks)`. */
  readonly checker: string;
  /** Moments of the power cut, or `all`; each gives one image a model. */
  readonly points: number | "all";
  readonly seed: number;
  /** Kinds of events, such as `RENAME`: the cut comes after one of them; absent: after any. Rig A alone. */
  readonly only?: readonly string[];
  /** Of none, all, prefix, page, torn; absent: each. */
  readonly models?: readonly string[];
  /** Where the summary is written. */
  readonly json: string;
  /** Where the first bad image is kept. */
  readonly keep?: string;
  /** What the checker finds in its environment besides ours. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ModelCount {
  readonly images: number;
  readonly bad: number;
}

export interface Replayed {
  readonly models: Readonly<Record<string, ModelCount>>;
  readonly images: number;
  readonly bad: number;
  /** The first violations: where, which model, why. */
  readonly violations: string;
}

/** Judges the images. @throws {TornRecording} {Error} if the recording is incomplete or the checker is broken */
export function replay(options: Replay): Promise<Replayed> {
  const { log, final, only, ...common } = options;
  const own = ["--log", log, "--final", final];
  return replayWith(REPLAY, common, only === undefined ? own : [...own, "--only", only.join(",")]);
}

/** What both rigs' replayers are told in the same way. @param own what this one alone is told */
export async function replayWith(
  program: string,
  options: Omit<Replay, "log" | "final" | "only">,
  own: readonly string[],
): Promise<Replayed> {
  const { checker, points, seed, models, json, keep } = options;
  const args = [
    ...[program, ...own, "--checker", checker, "--in-process"],
    ...["--samples", String(points), "--seed", String(seed), "--json", json],
    ...(models === undefined ? [] : ["--models", models.join(",")]),
    ...(keep === undefined ? [] : ["--keep", keep]),
  ];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  if (code === EXIT_TORN) throw new TornRecording(errors);
  if (code !== 0 && code !== EXIT_VIOLATED) {
    throw new Error(`the replayer ended with ${code}\n${output}${errors}`);
  }
  // The replayer wrote it just now.
  const summary = JSON.parse(readFileSync(json, "utf8")) as {
    models: Record<string, ModelCount>;
  };
  const counts = Object.values(summary.models);
  return {
    models: summary.models,
    images: counts.reduce((sum, { images }) => sum + images, 0),
    bad: counts.reduce((sum, { bad }) => sum + bad, 0),
    violations: output
      .split("\n")
      .filter((line) => line.startsWith("BAD "))
      .join("\n"),
  };
}
