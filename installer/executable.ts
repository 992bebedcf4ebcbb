/** One program for one platform, as one executable (09 1.3). @module */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stop } from "esbuild";
import { type BlobParts, writeBlob } from "./blob.ts";
import { bundleProgram, bundleThread } from "./bundle.ts";
import { makeElf } from "./elf.ts";
import { packedPlaces, placesOf } from "./places.ts";
import type { Program } from "./programs.ts";
import { ROOT } from "./root.ts";
import { type Platform, runtimeOf } from "./runtime.ts";

function writePlaces(bundle: string): string {
  const file = `${bundle}.places`;
  writeFileSync(file, packedPlaces(placesOf(bundle)));
  return file;
}

/** Not below `dist`: what lies here is not released. */
const WORK = join(ROOT, "build/executables");

/** @returns its path, in `dist` @throws {Error} what a step says */
export async function buildExecutable(
  program: Program,
  platform: Platform,
  dist: string,
): Promise<string> {
  const folder = join(WORK, platform, program.name);
  mkdirSync(folder, { recursive: true });
  const { node, addOns } = runtimeOf(platform);
  const main = await bundleProgram(program, folder);
  const assets: Record<string, string> = { "package.json": join(ROOT, "package.json") };
  for (const path of program.files) assets[path] = join(ROOT, path);
  assets["main.places"] = writePlaces(main.file);
  for (const thread of program.threads) {
    const { file } = await bundleThread(thread, folder);
    assets[thread] = file;
    assets[`${thread}.places`] = writePlaces(file);
  }
  // Its process would keep ours from ending.
  await stop();
  const own = Object.fromEntries(program.addOns.map((name) => [name, join(ROOT, addOns[name])]));
  const parts: BlobParts = { main: main.file, assets, addOns: own, codeCache: true };
  const file = join(dist, program.name);
  await makeElf(node, writeBlob(process.execPath, folder, parts), file);
  return file;
}
