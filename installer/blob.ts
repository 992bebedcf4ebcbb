/** What Node's single-executable format puts into the executable: the program, its files, its flags (09 PK4, PK6). @module */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "./root.ts";

/**
 * Given to Node at each start; nothing from outside is added to them, and nothing takes one away. The permission model
 * (`--permission`) is not among them: since Node 24.13 it refuses `fsync`, and what we acknowledge must be flushed.
 */
export const BAKED_FLAGS = [
  "--disallow-code-generation-from-strings",
  // As `npm run` does: half the memory under load, at the same speed.
  "--max-semi-space-size=4",
  "--disable-proto=throw",
  "--disable-sigusr1",
  "--report-exclude-env",
  "--report-exclude-network",
] as const;

/** The code cache is taken only by a V8 with the flags of the one that made it, and repeats only with the seed. */
const GENERATOR_FLAGS = ["--random-seed=42", "--disallow-code-generation-from-strings"];

export interface BlobParts {
  /** The bundle of the program. */
  readonly main: string;
  /** Files, by the name by which the program asks for them. */
  readonly assets: Readonly<Record<string, string>>;
  /** Native add-ons, by name. */
  readonly addOns: Readonly<Record<string, string>>;
  /** Whether it is for the platform that builds it: only then does V8 take what it has compiled before. */
  readonly codeCache: boolean;
}

/**
 * @param node that writes it: of the version, to the patch, of the one that will read it
 * @returns the path of the blob, in `folder`
 */
export function writeBlob(node: string, folder: string, parts: BlobParts): string {
  // The paths are stored in the blob: relative ones, or two folders give two blobs.
  const here = (path: string): string => relative(ROOT, path);
  const assets: Record<string, string> = {};
  for (const [name, path] of Object.entries(parts.assets)) assets[name] = here(path);
  for (const [name, path] of Object.entries(parts.addOns)) {
    const digest = join(folder, `${name}.sha256`);
    writeFileSync(digest, createHash("sha256").update(readFileSync(path)).digest("hex"));
    assets[`add-ons/${name}.sha256`] = here(digest);
    assets[`add-ons/${name}.node`] = here(path);
  }
  const blob = join(folder, "app.blob");
  const config = join(folder, "sea.json");
  const settings = {
    main: here(parts.main),
    output: here(blob),
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: parts.codeCache,
    execArgv: BAKED_FLAGS,
    execArgvExtension: "none",
    assets,
  };
  writeFileSync(config, JSON.stringify(settings, undefined, 2));
  execFileSync(node, [...GENERATOR_FLAGS, "--experimental-sea-config", here(config)], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return blob;
}
