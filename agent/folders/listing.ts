/**
 * One listing of a drop folder, a batch at a time (04 P13, P15). Links, junctions and mount points are not entered, and
 * nothing of ours.
 *
 * @module
 */
import { mountPointsBelow, mountTable } from "../host/mounts.ts";
import { FOLDER_SUBFOLDERS_MAX_COUNT } from "../limits.ts";
import { stepFaultOf } from "./faults.ts";
import type { EntryKind, Folder } from "./folder.ts";
import { type ByteName, joined } from "./names.ts";

export interface Listed {
  readonly folder: Folder;
  /** Its last component. */
  readonly base: ByteName;
  /** Relative to the drop folder. */
  readonly name: ByteName;
  readonly kind: EntryKind;
}

export interface ListingRules {
  readonly recursive: boolean;
  /** Of subfolders: those directly in the drop folder have depth 1. */
  readonly maxDepth: number;
  /** Subfolders that are not looked into, by their name. */
  readonly isIgnored: (name: ByteName) => boolean;
  /** Real paths of folders that are ours. */
  readonly ours: ReadonlySet<ByteName>;
}

/** Whoever may write can make a subfolder that this account cannot enter: it keeps nobody from the others. */
const NO_RIGHT = ["EACCES", "EPERM"];

/**
 * Every entry but the subfolders.
 *
 * @param drop stays open; subfolders are closed when the next one is entered
 * @param passedOver called for each subfolder whose files are missing: there are too many, or it may not be read
 */
export function* listing(
  drop: Folder,
  rules: ListingRules,
  passedOver: () => void = () => {},
): Generator<Listed> {
  const here = drop.location();
  const mounted = rules.recursive ? mountPointsBelow(mountTable(), here) : new Set<string>();
  const isOurs = (location: ByteName): boolean =>
    rules.ours.has(location) || mounted.has(Buffer.from(location, "latin1").toString("utf8"));
  let subfolders = 0;

  function* level(folder: Folder, prefix: ByteName, depth: number): Generator<Listed> {
    const inside: ByteName[] = [];
    for (const { name: base, kind } of folder.list()) {
      const name = joined(prefix, base);
      if (kind !== "folder") {
        yield { folder, base, name, kind };
      } else if (rules.recursive && depth < rules.maxDepth && !rules.isIgnored(base)) {
        if (subfolders >= FOLDER_SUBFOLDERS_MAX_COUNT) passedOver();
        else inside.push(base);
        subfolders += 1;
      }
    }
    for (const base of inside) {
      try {
        using sub = folder.sub(base);
        if (sub === undefined || isOurs(sub.location())) continue;
        yield* level(sub, joined(prefix, base), depth + 1);
      } catch (error) {
        if (!NO_RIGHT.includes(stepFaultOf(error).sysCode)) throw error;
        passedOver();
      }
    }
  }

  yield* level(drop, "", 0);
}
