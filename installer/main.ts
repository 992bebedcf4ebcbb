/**
 * `npm run build`: everything that is released, in `dist`, a folder a platform (09 1.3).
 *
 *   npm run build [-- PLATFORM …]     only these: linux-x64, linux-arm64, win-x64
 *
 * @module
 */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { buildExecutable } from "./executable.ts";
import { programsFor } from "./programs.ts";
import { ROOT } from "./root.ts";
import { PLATFORMS, type Platform } from "./runtime.ts";

const DIST = join(ROOT, "dist");
const MB = 1_000_000;
const EXIT_USAGE = 64;

const isPlatform = (name: string): name is Platform =>
  PLATFORMS.some((platform) => platform === name);

const named = process.argv.slice(2);
const platforms = named.length === 0 ? PLATFORMS : named.filter(isPlatform);
if (platforms.length < named.length) {
  console.error(`npm run build [-- PLATFORM …]: ${PLATFORMS.join(", ")}`);
  process.exit(EXIT_USAGE);
}
for (const platform of platforms) {
  const dist = join(DIST, platform);
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const program of programsFor(platform)) {
    const file = await buildExecutable(program, platform, dist);
    console.log(`${relative(ROOT, file)}: ${(statSync(file).size / MB).toFixed(1)} MB`);
  }
}
