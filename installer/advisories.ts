/**
 * Whether anybody warns of the Node that goes into the executables (09 PK1). Without a network: against records in the
 * format of OSV (https://ossf.github.io/osv-schema/) that somebody stored, one a file.
 *
 * @module
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const EVENT = z.object({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
});
const RECORD = z.object({
  id: z.string(),
  withdrawn: z.string().optional(),
  affected: z
    .array(
      z.object({
        package: z.object({ name: z.string() }).optional(),
        versions: z.array(z.string()).default([]),
        ranges: z.array(z.object({ type: z.string(), events: z.array(EVENT) })).default([]),
      }),
    )
    .default([]),
});
type Affected = z.infer<typeof RECORD>["affected"][number];

/** As OSV's sources name it: Node's own, npm's package of that name, Bitnami's. */
const NAMES: ReadonlySet<string> = new Set(["node", "nodejs", "node.js", "nodejs/node"]);

/**
 * @param folder of `*.json`
 * @param accepted ids that the release notes give a reason for
 * @throws {Error} with the ids that name this version, or if there is no record at all
 */
export function refuseAdvised(version: string, folder: string, accepted: readonly string[]): void {
  const files = globSync(join(folder, "**/*.json"));
  if (files.length === 0) throw new Error(`${folder}: no record of an advisory`);
  const found = files
    .map((file) => RECORD.parse(JSON.parse(readFileSync(file, "utf8"))))
    .filter(({ withdrawn, affected }) => {
      return withdrawn === undefined && affected.some((one) => names(one, version));
    })
    .map(({ id }) => id)
    .filter((id) => !accepted.includes(id));
  if (found.length > 0) throw new Error(`Node ${version} is named by ${found.sort().join(", ")}`);
}

function names(affected: Affected, version: string): boolean {
  if (!NAMES.has(affected.package?.name.toLowerCase() ?? "")) return false;
  const isListed = affected.versions.some((one) => one.replace(/^v/, "") === version);
  // Ranges of commits say nothing about a version.
  const ranges = affected.ranges.filter(({ type }) => type !== "GIT");
  return isListed || ranges.some(({ events }) => isWithin(events, version));
}

/** As OSV evaluates a range: by rising version, an event at or below it turns it on or off. */
function isWithin(events: readonly z.infer<typeof EVENT>[], version: string): boolean {
  const turns = events.flatMap(({ introduced, fixed, last_affected: last }) => [
    ...(introduced === undefined ? [] : [{ at: introduced, isOn: true, isBehind: false }]),
    ...(fixed === undefined ? [] : [{ at: fixed, isOn: false, isBehind: false }]),
    ...(last === undefined ? [] : [{ at: last, isOn: false, isBehind: true }]),
  ]);
  turns.sort((one, other) => compare(one.at, other.at) || Number(one.isOn) - Number(other.isOn));
  const passed = turns.filter(({ at, isBehind }) => {
    const order = compare(at, version);
    return isBehind ? order < 0 : order <= 0;
  });
  return passed.at(-1)?.isOn ?? false;
}

function compare(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => text.replace(/^v/, "").split(/[.+-]/));
  for (let index = 0; index < 3; index++) {
    const order = Number(left?.[index] ?? 0) - Number(right?.[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}
