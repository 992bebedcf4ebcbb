/**
 * Whether something that lies in a program is known to be vulnerable: by a stored export of OSV (08 H09), for the
 * machine that builds has no network.
 *
 * @module
 * @see https://ossf.github.io/osv-schema/
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { packagedIn } from "./release-description.ts";

const event = z.object({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
});
const advisory = z.object({
  id: z.string(),
  withdrawn: z.string().optional(),
  affected: z
    .array(
      z.object({
        package: z.object({ ecosystem: z.string(), name: z.string() }).optional(),
        ranges: z.array(z.object({ type: z.string(), events: z.array(event) })).optional(),
        versions: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});
export type Advisory = z.infer<typeof advisory>;

/** What is no package of npm is found under these names of the ecosystems that track it. */
const ECOSYSTEMS: readonly string[] = ["OSS-Fuzz", "Bitnami"];

/**
 * @param path one advisory, a list of them, or a folder of such files
 * @throws {Error} that names a file that is none; or if there is no advisory at all, which is no answer
 */
export function readAdvisories(path: string): readonly Advisory[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new Error(`${path}: no advisory is stored there`);
  return files.flatMap((file) => {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    const read = z.array(advisory).safeParse(Array.isArray(value) ? value : [value]);
    if (!read.success) throw new Error(`${file}: is no advisory in the format of OSV`);
    return read.data;
  });
}

/** What of a part is compared. */
export interface Listed {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/** Of all lists that lie in `dist`, each once. */
export function listedIn(dist: string): readonly Listed[] {
  const lists = new Set(packagedIn(dist).map(({ sbom }) => sbom));
  const parts = [...lists].flatMap((list) => {
    const { components } = JSON.parse(readFileSync(join(dist, list), "utf8")) as {
      readonly components: readonly (Listed & { readonly group?: string })[];
    };
    return components.map(({ group, name, version, purl }) => {
      return { name: group === undefined ? name : `${group}/${name}`, version, purl };
    });
  });
  return [...new Map(parts.map((part) => [part.purl, part])).values()];
}

/**
 * @param notes release notes: an advisory whose id stands there has its reason there
 * @returns `ID: package version`, in order
 */
export function knownVulnerable(
  parts: readonly Listed[],
  advisories: readonly Advisory[],
  notes: string,
): readonly string[] {
  const open = advisories.filter(({ id, withdrawn }) => {
    return withdrawn === undefined && !notes.includes(id);
  });
  const lines = parts.flatMap((part) =>
    open
      .filter((one) => isAffected(part, one))
      .map(({ id }) => `${id}: ${part.name} ${part.version}`),
  );
  return [...new Set(lines)].sort();
}

function isAffected({ name, version, purl }: Listed, { affected = [] }: Advisory): boolean {
  const isNpm = purl.startsWith("pkg:npm/");
  return affected.some(({ package: of, ranges = [], versions = [] }) => {
    if (of === undefined || of.name.toLowerCase() !== name.toLowerCase()) return false;
    if (isNpm ? of.ecosystem !== "npm" : !ECOSYSTEMS.includes(of.ecosystem)) return false;
    if (versions.includes(version)) return true;
    return ranges
      .filter(({ type }) => type === "SEMVER" || type === "ECOSYSTEM")
      .some(({ events }) => isWithin(version, events));
  });
}

/** As OSV evaluates a range: by rising version, an event at or below it turns it on or off, in whatever order they stand. */
function isWithin(version: string, events: readonly z.infer<typeof event>[]): boolean {
  const turns = events.flatMap(({ introduced, fixed, last_affected: last }) => [
    ...(introduced === undefined ? [] : [{ at: introduced, isOn: true, isBehind: false }]),
    ...(fixed === undefined ? [] : [{ at: fixed, isOn: false, isBehind: false }]),
    ...(last === undefined ? [] : [{ at: last, isOn: false, isBehind: true }]),
  ]);
  turns.sort((one, other) => compared(one.at, other.at) || Number(one.isOn) - Number(other.isOn));
  const passed = turns.filter(({ at, isBehind }) => {
    const order = compared(at, version);
    return isBehind ? order < 0 : order <= 0;
  });
  return passed.at(-1)?.isOn ?? false;
}

/** By numbers; what stands behind a hyphen is older than the same without it (semver.org 11). */
function compared(one: string, other: string): number {
  const [left, right] = [numbersOf(one), numbersOf(other)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return Number(other.includes("-")) - Number(one.includes("-"));
}

const numbersOf = (version: string): readonly number[] =>
  (version.split("-")[0] ?? "").split(".").map((part) => Number.parseInt(part, 10) || 0);
