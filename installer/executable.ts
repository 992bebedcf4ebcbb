/** One program for one platform, as one executable (09 1.3). @module */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stop } from "esbuild";
import manifest from "../package.json" with { type: "json" };
import type { Made } from "./bill/made.ts";
import { type BlobParts, writeBlob } from "./blob.ts";
import { bundleProgram, bundleThread } from "./bundle.ts";
import { makeElf } from "./elf.ts";
import { makePe } from "./pe.ts";
import { packedPlaces, placesOf } from "./places.ts";
import type { Program } from "./programs.ts";
import { ROOT } from "./root.ts";
import { type Platform, runtimeOf } from "./runtime.ts";
import type { AddOnFiles } from "./shipped-add-ons.ts";

function writePlaces(bundle: string): string {
  const file = `${bundle}.places`;
  writeFileSync(file, packedPlaces(placesOf(bundle)));
  return file;
}

/** Not below `dist`: what lies here is not released. */
const WORK = join(ROOT, "build/executables");
const HERE = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;

/** Only there Node makes code cache that the executable takes: any other is refused, with a warning at each start (09 PK6). */
export const hasCodeCache = (platform: Platform): boolean => platform === HERE;

/** The bundles of a program and its threads, and the files beside them: the same for each platform. */
async function bundled(
  program: Program,
  folder: string,
): Promise<Pick<BlobParts, "main" | "assets"> & Pick<Made, "metafiles">> {
  const main = await bundleProgram(program, folder);
  const metafiles = [main.metafile];
  const assets: Record<string, string> = { "package.json": join(ROOT, "package.json") };
  for (const path of program.files) assets[path] = join(ROOT, path);
  assets["main.places"] = writePlaces(main.file);
  for (const thread of program.threads) {
    const { file, metafile } = await bundleThread(thread, folder);
    metafiles.push(metafile);
    assets[thread] = file;
    assets[`${thread}.places`] = writePlaces(file);
  }
  // Its process would keep ours from ending.
  await stop();
  return { main: main.file, assets, metafiles };
}

/**
 * @param addOns those that it takes as its own: as they are shipped
 * @returns its path, in `dist`, and what went into it
 * @throws {Error} what a step says
 */
export async function buildExecutable(
  program: Program,
  platform: Platform,
  dist: string,
  addOns: AddOnFiles = runtimeOf(platform).addOns,
): Promise<Made> {
  const folder = join(WORK, platform, program.name);
  mkdirSync(folder, { recursive: true });
  const { node } = runtimeOf(platform);
  const own = Object.fromEntries(program.addOns.map((name) => [name, addOns[name]]));
  const { metafiles, ...inside } = await bundled(program, folder);
  const parts = { ...inside, addOns: own, codeCache: hasCodeCache(platform) };
  const blob = writeBlob(process.execPath, folder, parts);
  const isWindows = platform === "win-x64";
  const name = isWindows ? `${program.name}.exe` : program.name;
  const file = join(dist, name);
  const { version } = manifest;
  if (isWindows) makePe(node, blob, file, { file: name, description: program.title, version });
  else await makeElf(node, blob, file, platform);
  return { program, platform, file, metafiles, addOns: own };
}
