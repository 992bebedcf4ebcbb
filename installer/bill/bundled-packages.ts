/** The packages that have bytes in a program: in one of its bundles, or among the files it brings along (09 PK14). @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { ROOT } from "../root.ts";
import { chosenLicence, licenceTexts } from "./licences.ts";
import { type LockFile, lockedEntry } from "./lock-file.ts";
import { npmPurl, type Part } from "./part.ts";

/** Our own sources: the parts of the product, and what says its version. */
const OWN =
  /^(?:agent|certs|config|defects|documents|packaged|pages|protocol|receiver|reconcile|releases|streams)\/|^package\.json$/;
const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

export interface Bundled {
  readonly packages: readonly Part[];
  /** Purls of those that our own sources ask for. */
  readonly direct: readonly string[];
}

/** @returns the folder of its package, from the root; undefined for what is ours @throws {Error} for what is neither */
export function packageOf(input: string): string | undefined {
  const folder = PACKAGE.exec(input)?.[0];
  if (folder !== undefined) return folder;
  if (OWN.test(input)) return undefined;
  throw new Error(`${input}: lies in a bundle and is neither ours nor a package's`);
}

/**
 * @param files others that lie in the program, from the root
 * @throws {Error} that names the package: not in the lock file, no text of its licence, a licence that is not allowed
 */
export function bundledPackages(
  metafiles: readonly Metafile[],
  files: readonly string[],
  lock: LockFile,
): Bundled {
  const asks = new Map<string | undefined, Set<string>>();
  const folders = new Set<string>();
  for (const input of inputsWithBytes(metafiles)) {
    const folder = packageOf(input);
    if (folder !== undefined) folders.add(folder);
  }
  for (const file of files) {
    const folder = packageOf(file);
    if (folder === undefined) continue;
    folders.add(folder);
    noted(asks, undefined).add(folder);
  }
  for (const [input, asked] of importsOf(metafiles)) {
    const [from, to] = [packageOf(input), PACKAGE.exec(asked)?.[0]];
    if (to !== undefined && to !== from && folders.has(to)) noted(asks, from).add(to);
  }
  const purlOf = (folder: string): string =>
    npmPurl(nameOf(folder), lockedEntry(lock, folder).version);
  const packages = [...folders].sort().map((folder) => {
    const needs = [...noted(asks, folder)].map(purlOf).sort();
    return npmPart(folder, lock, { kind: "package", needs });
  });
  return { packages, direct: [...noted(asks, undefined)].map(purlOf).sort() };
}

/** @param folder of the package, from the root */
export function npmPart(
  folder: string,
  lock: LockFile,
  { kind, needs }: Pick<Part, "kind" | "needs">,
): Part {
  const name = nameOf(folder);
  const { version, hash } = lockedEntry(lock, folder);
  const found = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as {
    readonly version: string;
    readonly license?: string;
  };
  if (found.version !== version) {
    throw new Error(`${folder}: version ${found.version} is there, ${version} in the lock file`);
  }
  const declared = found.license ?? "NOASSERTION";
  return {
    ...{ purl: npmPurl(name, version), name, version, kind, declared, needs, hashes: [hash] },
    licence: chosenLicence(name, declared),
    texts: licenceTexts(name, join(ROOT, folder)),
  };
}

const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf("node_modules/") + 13);

function* inputsWithBytes(metafiles: readonly Metafile[]): Generator<string> {
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        if (bytesInOutput > 0) yield input;
      }
    }
  }
}

function* importsOf(metafiles: readonly Metafile[]): Generator<readonly [string, string]> {
  for (const { inputs } of metafiles) {
    for (const [input, { imports }] of Object.entries(inputs)) {
      if (input.startsWith("(disabled)")) continue;
      for (const { path, external } of imports) {
        if (external !== true) yield [input, path];
      }
    }
  }
}

function noted<K>(map: Map<K, Set<string>>, key: K): Set<string> {
  const known = map.get(key) ?? new Set();
  map.set(key, known);
  return known;
}
