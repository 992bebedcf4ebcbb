/** What lies where after a stop: files of open claims (04 P51), and files without one (P20). @module */
import { STRAYS_AT_ONCE } from "../limits.ts";
import type { WorkerVoice } from "./conversation.ts";
import { stepFaultOf } from "./faults.ts";
import type { Entry, Folder } from "./folder.ts";
import { type ListingRules, listing } from "./listing.ts";
import type { ClaimedFiles, DroppedFile, FilePart, PickupMethods } from "./messages.ts";
import {
  type ByteName,
  baseOf,
  fileNameOf,
  isBelow,
  joined,
  OWN_PREFIX,
  parentOf,
  readHeldName,
  readWorkName,
} from "./names.ts";
import { type Part, type Place, partsOf, placeOf } from "./placement.ts";
import type { Roots, Visit } from "./roots.ts";
import type { Stranded } from "./stranded.ts";

type Found = PickupMethods["whereIs"]["answer"][number];

export function whereIs(visit: Visit, { claim, files }: ClaimedFiles): Found {
  const places = partsOf(claim, files).map((part) => {
    const place = unlessDenied(() => placeOf(visit, part));
    if (place?.at === "work") unlessDenied(() => finishRename(visit, part, place));
    return place?.at;
  });
  const taken = places.filter((at) => at === "work" || at === "held").length;
  if (taken === files.length) return { claim, place: "work" };
  if (taken > 0) return { claim, place: "split" };
  return { claim, place: places[0] === "drop" ? "drop" : "nowhere" };
}

/** In a subfolder whose rights were taken away nothing of ours can be found, or undone: the other claims go on. */
function unlessDenied<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!["EACCES", "EPERM"].includes(stepFaultOf(error).sysCode)) throw error;
    return undefined;
  }
}

/** A file that was being put back has two names, if the process ended just then: it stays claimed. */
function finishRename(visit: Visit, part: Part, place: Place): void {
  const folder = visit.below("drop", parentOf(part.name));
  const [here, there] = [place.folder.look(place.name), folder?.look(baseOf(part.name))];
  if (folder === undefined || here === undefined || here.nlink < 2n) return;
  if (here.ino !== there?.ino || here.dev !== there.dev) return;
  folder.remove(baseOf(part.name));
  visit.changed(folder);
}

/** A file of ours, or one that was planted under such a name, by where it lies. */
interface Stray {
  readonly claim: string;
  readonly part: FilePart;
  readonly index: number;
  /** As it was dropped. */
  readonly name: ByteName;
  readonly at: "work" | "held";
  /** Below `work/`, or below the drop folder. */
  readonly folder: ByteName;
  readonly base: ByteName;
}

/** What a claim has at most: data, its control file, its side-car, and that one's control file. */
const CLAIM_MAX_FILES = 4;

/**
 * Each claim by itself: one that cannot go back stays, and is tried again (`Stranded`).
 *
 * @param known claims that have a row
 * @returns how many files went back
 */
export function putStraysBack(
  roots: Roots,
  known: ReadonlySet<string>,
  rules: ListingRules,
  stranded: Stranded,
  voice: WorkerVoice,
): number {
  let count = 0;
  let batch: Stray[] = [];
  const putBatchBack = (): void => {
    // Of its own, so that what it opens does not stay open.
    using visit = roots.visit();
    for (const group of groupsOf(batch)) {
      voice.touched();
      count += putGroupBack(visit, group, stranded);
    }
    visit.flush();
    batch = [];
  };
  using visit = roots.visit();
  for (const find of [findInWork, findHeld]) {
    for (const stray of find(visit, rules, voice)) {
      if (known.has(stray.claim)) continue;
      batch.push(stray);
      if (batch.length >= STRAYS_AT_ONCE) putBatchBack();
    }
  }
  putBatchBack();
  removeEmpty(visit);
  return count;
}

/** By claim; more than one can have are not one's. */
function groupsOf(strays: readonly Stray[]): readonly (readonly Stray[])[] {
  const byClaim = Map.groupBy(strays, ({ claim }) => claim);
  return [...byClaim.values()].flatMap((group) =>
    group.length <= CLAIM_MAX_FILES ? [group] : group.map((stray) => [stray]),
  );
}

/** The data file first: it gives the stem. */
const FILE_ORDER: readonly FilePart[] = ["data", "control", "sidecar"];

function putGroupBack(visit: Visit, group: readonly Stray[], stranded: Stranded): number {
  const parts = new Map(group.map((stray) => [partOf(stray), stray]));
  const inOrder = [...parts.keys()].sort(
    (a, b) => FILE_ORDER.indexOf(a.file.part) - FILE_ORDER.indexOf(b.file.part),
  );
  return stranded.putBack(visit, inOrder, (part) => {
    const stray = parts.get(part);
    if (stray === undefined) return undefined;
    const { at, base: name } = stray;
    const folder = visit.below(at === "work" ? "work" : "drop", stray.folder);
    return folder === undefined ? undefined : { folder, name, at };
  });
}

function partOf({ claim, part, index, name }: Stray): Part {
  const file: DroppedFile = { part, name: fileNameOf(name), size: 0, modifiedNs: 0n, inode: 0n };
  return { claim, index, file, name };
}

function* findInWork(visit: Visit, _rules: ListingRules, voice: WorkerVoice): Generator<Stray> {
  const work = visit.root("work");
  for (const { name, kind } of work.list()) {
    voice.touched();
    const read = readWorkName(name);
    if (kind === "folder") {
      if (read !== undefined && read.original === undefined) {
        yield* findBelow(work, name, { claim: read.claim, part: read.part });
      }
      continue;
    }
    if (name.startsWith(OWN_PREFIX)) continue;
    const place = { index: 0, at: "work", folder: "", base: name } as const;
    // What nobody of us put there (04 attack 23) goes through all checks, too, and by no path of its own (attack 15).
    const original = read?.original;
    if (read === undefined || original === undefined || !isBelow(original)) {
      yield { ...place, claim: name, part: "data", name };
    } else yield { ...place, claim: read.claim, part: read.part, name: original };
  }
}

/** In the folders that a name has which is too long to be put behind its claim. */
function* findBelow(
  parent: Folder,
  head: ByteName,
  of: Pick<Stray, "claim" | "part">,
  path: ByteName = "",
): Generator<Stray> {
  using folder = parent.sub(path === "" ? head : baseOf(path));
  if (folder === undefined) return;
  for (const { name: base, kind } of [...folder.list()]) {
    const name = joined(path, base);
    if (kind === "folder") yield* findBelow(folder, head, of, name);
    else yield { ...of, index: 0, name, at: "work", folder: joined(head, path), base };
  }
}

function* findHeld(visit: Visit, rules: ListingRules, voice: WorkerVoice): Generator<Stray> {
  for (const { base, name } of listing(visit.root("drop"), rules)) {
    voice.touched();
    const held = readHeldName(base);
    if (held === undefined) continue;
    const folder = parentOf(name);
    yield {
      claim: held.claim,
      part: held.index === 0 ? "data" : "control",
      index: held.index,
      name: joined(folder, held.original ?? base.slice(OWN_PREFIX.length)),
      ...{ at: "held", folder, base },
    };
  }
}

/** Folders of long names, whose files have gone. */
function removeEmpty(visit: Visit): void {
  const work = visit.root("work");
  const empty = (folder: Folder): void => {
    for (const { name, kind } of [...folder.list()] as Entry[]) {
      if (kind !== "folder") continue;
      using sub = folder.sub(name);
      if (sub !== undefined) empty(sub);
      folder.removeSub(name);
    }
  };
  for (const { name, kind } of [...work.list()]) {
    if (
      kind !== "folder" ||
      readWorkName(name)?.original !== undefined ||
      readWorkName(name) === undefined
    )
      continue;
    using sub = work.sub(name);
    if (sub !== undefined) empty(sub);
    work.removeSub(name);
  }
}
