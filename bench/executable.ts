/**
 * The executable as it is shipped (09 T-K02 to T-K04): how long `version` takes and a start until messages are
 * accepted, beside `node -e 0` of the Node inside, and what it takes of memory at rest.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { buildExecutable } from "#installer/executable.ts";
import { AGENT } from "#installer/programs.ts";
import { makePair } from "#scripts/make-pair.ts";
import { quantile } from "./limits.ts";
import { type Row, ratio, whole } from "./table.ts";

const TIMES = 15;
const REST_MS = 3_000;

/** Needs Linux x64. @param folder for the executable and the state of an agent */
export async function measureExecutable(folder: string): Promise<Row[]> {
  mkdirSync(folder, { recursive: true });
  const { file } = await buildExecutable(AGENT, "linux-x64", folder);
  const { agentConfig } = await makePair({ folder: join(folder, "pair") });
  const run = [file, "run", "--config", agentConfig];
  // Its native code is in its place, and the store is there.
  await start(run);
  const bare: number[] = [];
  const version: number[] = [];
  const ready: number[] = [];
  const memory: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    bare.push(elapsed([process.execPath, "-e", "0"]));
    version.push(elapsed([file, "version"]));
    const { readyMs, residentMb } = await start(run, time % 5 === 0 ? REST_MS : 0);
    ready.push(readyMs);
    if (residentMb !== undefined) memory.push(residentMb);
  }
  const limit = `${whole(median(bare))} ms, \`node -e 0\``;
  const timed = (figure: string, times: readonly number[], target: string): Row => {
    const middle = median(times);
    return [figure, `${whole(middle)} ms`, limit, ratio(middle / median(bare)), target];
  };
  return [
    timed("executable: `version` (T-K02)", version, "≤ 2.5"),
    timed("executable: start until messages are accepted (T-K03)", ready, "≤ 12"),
    [
      "executable: resident memory at rest (T-K04)",
      `${whole(median(memory))} MB`,
      "",
      "",
      "≤ 120 MB",
    ],
  ];
}

const median = (values: readonly number[]): number => quantile(values, 0.5);

function elapsed([program = "", ...args]: readonly string[]): number {
  const sinceMs = performance.now();
  const { status } = spawnSync(program, args, { stdio: "ignore" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
  return performance.now() - sinceMs;
}

/** @param restMs after which its memory is read, if any */
async function start(
  [program = "", ...args]: readonly string[],
  restMs = 0,
): Promise<{ readonly readyMs: number; readonly residentMb: number | undefined }> {
  const sinceMs = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  await once(createInterface({ input: child.stdout }), "line");
  const readyMs = performance.now() - sinceMs;
  await sleep(restMs);
  const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
  const residentMb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_000;
  child.kill("SIGTERM");
  await once(child, "exit");
  return { readyMs, residentMb: restMs === 0 ? undefined : residentMb };
}
