/**
 * `npm run build`: everything that is released, in `dist`: a folder a platform with its executables and packages
 * (09 1.3; `docs/build.md`).
 *
 *   npm run build [-- OPTION … PLATFORM …]     only these: linux-x64, linux-arm64, win-x64
 *   --at-hand      native code that was not compiled yet is that of its package: for a trial, not for a release
 *   --windows-certificate FILE --windows-key FILE|URI [--pkcs11-module FILE] [--timestamp-url URL]   signs for Windows
 *
 * @module
 */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { signForWindows, type WindowsSigner } from "./authenticode.ts";
import { writeChecksums } from "./bill/checksums.ts";
import type { Made } from "./bill/made.ts";
import { releaseOf } from "./bill/release.ts";
import { writeBill } from "./bill/write-bill.ts";
import { buildExecutable } from "./executable.ts";
import { makeLinuxPackages } from "./linux/packages.ts";
import { refuseAboveFloor } from "./native/glibc-floor.ts";
import { compileSqlite } from "./native/sqlite-add-on.ts";
import { programsFor } from "./programs.ts";
import { ROOT } from "./root.ts";
import { isLinux, PLATFORMS, type Platform } from "./runtime.ts";
import { shipAddOns } from "./shipped-add-ons.ts";
import { makeWindowsPackages } from "./windows/packages.ts";

const DIST = join(ROOT, "dist");
const MB = 1_000_000;
const EXIT_USAGE = 64;
const EXIT_FAILED = 70;

const OPTIONS = {
  "at-hand": { type: "boolean", default: false },
  "windows-certificate": { type: "string" },
  "windows-key": { type: "string" },
  "pkcs11-module": { type: "string" },
  "timestamp-url": { type: "string" },
} as const;

function asked() {
  try {
    const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
    const platforms = positionals.length === 0 ? PLATFORMS : positionals.filter(isPlatform);
    if (platforms.length >= positionals.length) return { values, platforms };
    console.error(`platforms: ${PLATFORMS.join(", ")}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  process.exit(EXIT_USAGE);
}

const isPlatform = (name: string): name is Platform =>
  PLATFORMS.some((platform) => platform === name);

function signerOf(values: ReturnType<typeof asked>["values"]): WindowsSigner | undefined {
  const { "windows-certificate": certificate, "windows-key": key } = values;
  if (certificate === undefined || key === undefined) return undefined;
  const [pkcs11Module, timestampUrl] = [values["pkcs11-module"], values["timestamp-url"]];
  return { certificate, key, pkcs11Module, timestampUrl };
}

/** The executables of a platform, in a folder of its own. */
async function build(
  platform: Platform,
  isTrial: boolean,
  signer?: WindowsSigner,
): Promise<readonly Made[]> {
  const dist = join(DIST, platform);
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  if (isLinux(platform) && !isTrial) compileSqlite(platform);
  const addOns = shipAddOns(platform, join(dist, "lib"), signer);
  const made: Made[] = [];
  for (const program of programsFor(platform)) {
    const one = await buildExecutable(program, platform, dist, addOns);
    if (signer !== undefined && !isLinux(platform)) signForWindows(one.file, signer);
    made.push(one);
    tell(one.file);
  }
  const shipped = [...Object.values(addOns), ...made.map(({ file }) => file)];
  if (isLinux(platform) && !isTrial) for (const file of shipped) refuseAboveFloor(file);
  return made;
}

function tell(file: string): void {
  console.log(`${relative(ROOT, file)}: ${(statSync(file).size / MB).toFixed(1)} MB`);
}

const { values, platforms } = asked();
try {
  const { "at-hand": isTrial } = values;
  const signer = signerOf(values);
  const made: Made[] = [];
  for (const platform of platforms) made.push(...(await build(platform, isTrial, signer)));
  // Beside the executables; the packages take them along.
  writeBill(DIST, made, releaseOf());
  for (const platform of platforms.filter(isLinux)) {
    const own = made.filter((one) => one.platform === platform);
    for (const file of makeLinuxPackages(own, DIST, isTrial)) tell(file);
  }
  if (platforms.includes("win-x64")) {
    const own = made.filter((one) => one.platform === "win-x64");
    for (const file of makeWindowsPackages(own, DIST)) {
      if (signer !== undefined) signForWindows(file, signer);
      tell(file);
    }
  }
  writeChecksums(DIST);
} catch (error) {
  console.error(`npm run build: ${error instanceof Error ? error.message : error}`);
  process.exitCode = EXIT_FAILED;
}
