/**
 * What is recorded for power cuts of drop folders: files are dropped while the agent runs, and while it is away;
 * once it is killed at work. Runs under `record.sh`.
 *
 * Marks: `BEGIN unit file` before anything of a file is there, `FILE unit file inode` as soon as it is,
 * `DROPPED unit` once its sender has flushed all of it.
 *
 *   node workload.ts --root TREE --seed N
 *
 * @module
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { dropFolder } from "#test/support/drop-channels.ts";
import { Started, until } from "#test/support/processes.ts";
import { chances } from "../seeded-messages.ts";
import { CHANNELS, modifiedSecond, UNITS, type Unit } from "./plan.ts";

/** Between two files of a wave into a running agent. */
const GAP_MS = 12;
/** After the last file is where it belongs: rows are written, files are looked at once more. */
const QUIET_MS = 500;
const KILL_MS = { least: 80, most: 500 };

type Mark = (text: string) => void;

function flushFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function writeUnit(base: string, index: number, unit: Unit, mark: Mark): void {
  const folder = dropFolder(base, unit.channel);
  const flushes = unit.manner !== "lazy";
  for (const [at, { name, bytes }] of unit.files.entries()) {
    const final = join(folder, name);
    const first = unit.manner === "temporary" ? `${final}.tmp` : final;
    mark(`BEGIN ${index} ${at}`);
    const descriptor = openSync(first, "wx");
    mark(`FILE ${index} ${at} ${fstatSync(descriptor).ino}`);
    const half = bytes.length >> 1;
    writeSync(descriptor, bytes.subarray(0, half));
    writeSync(descriptor, bytes.subarray(half));
    futimesSync(descriptor, modifiedSecond(index), modifiedSecond(index));
    if (flushes) fsyncSync(descriptor);
    closeSync(descriptor);
    if (first !== final) renameSync(first, final);
  }
  if (!flushes) return;
  flushFolder(folder);
  mark(`DROPPED ${index}`);
}

async function drop(base: string, wave: Unit["wave"], gapMs: number, mark: Mark): Promise<void> {
  for (const [index, unit] of UNITS.entries()) {
    if (unit.wave !== wave) continue;
    const folder = dropFolder(base, unit.channel);
    const isFree = (): boolean => unit.files.every(({ name }) => !existsSync(join(folder, name)));
    await until("the name is free", isFree);
    writeUnit(base, index, unit, mark);
    if (gapMs > 0) await pause(gapMs);
  }
}

async function settled(base: string): Promise<void> {
  const isEmpty = (folder: string): boolean =>
    existsSync(folder) && readdirSync(folder).every((name) => name.startsWith(".holdfast-"));
  await until("every file is where it belongs", () =>
    CHANNELS.every((name) => ["in", "work"].every((part) => isEmpty(join(base, name, part)))),
  );
  await pause(QUIET_MS);
}

async function runLoad(base: string, command: readonly string[], seed: number, mark: Mark) {
  const random = chances(seed);
  const start = async (): Promise<Started> => {
    const agent = new Started(command);
    await agent.ready();
    return agent;
  };
  const stop = async (agent: Started): Promise<void> => {
    const { code } = await agent.end("SIGTERM");
    if (code !== 0) throw new Error(`the agent ended with ${code}\n${agent.errors}`);
  };
  let agent = await start();
  await drop(base, 0, GAP_MS, mark);
  await settled(base);
  await stop(agent);
  await drop(base, 1, 0, mark);
  agent = await start();
  await pause(KILL_MS.least + random.next().value * (KILL_MS.most - KILL_MS.least));
  await agent.end("SIGKILL");
  agent = await start();
  await drop(base, 2, GAP_MS, mark);
  await settled(base);
  await stop(agent);
}

/** Whoever sets the agent up has done that long before. */
function makeFolders(base: string): void {
  mkdirSync(join(base, "state"), { mode: 0o700 });
  for (const name of CHANNELS) {
    mkdirSync(dropFolder(base, name), { recursive: true });
    flushFolder(join(base, name));
  }
  flushFolder(base);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { root: { type: "string", default: "" }, seed: { type: "string", default: "1" } },
  });
  const { CRASH_DIR: base = "", CRASH_MARK = "" } = process.env;
  const marks = openSync(CRASH_MARK, "w");
  makeFolders(base);
  const scene = join(values.root, "test/faults/drop-images/scene.ts");
  await runLoad(base, [process.execPath, scene], Number(values.seed), (text) => {
    writeSync(marks, `${text}\n`);
  });
}
