/** What lies where after a stop: files of open claims (04 P51), and files without one (P20). @module */
import type { WorkerVoice } from "./conversation.ts";
import type { Entry, Folder } from "./folder.ts";
import { type ListingRules, listing } from "./listing.ts";
import type { ClaimedFiles, DroppedFile, FilePart, PickupMethods } from "./messages.ts";
import {
  type ByteName,
  baseOf,
  fileNameOf,
  joined,
  OWN_PREFIX,
  parentOf,
  readHeldName,
  readWorkName,
} from "./names.ts";
import { type Part, type Place, partsOf, placeOf } from "./placement.ts";
import { putBack } from "./put-back.ts";
import type { Visit } from "./roots.ts";

type Found = PickupMethods["whereIs"]["answer"][number];

export function whereIs(visit: Visit, { claim, files }: ClaimedFiles): Found {
  const places = partsOf(claim, files).map((part) => {
    const place = placeOf(visit, part);
    if (place?.at === "work") finishRename(visit, part, place);
    return place?.at;
  });
  const taken = places.filter((at) => at === "work" || at === "held").length;
  if (taken === files.length) return { claim, place: "work" };
  if (taken > 0) return { claim, place: "split" };
  return { claim, place: places[0] === "drop" ? "drop" : "nowhere" };
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

interface Stray {
  readonly part: FilePart;
  readonly name: ByteName;
  readonly place: Place;
}

/** @param known claims that have a row. @returns how many files went back */
export function putStraysBack(
  visit: Visit,
  known: ReadonlySet<string>,
  rules: ListingRules & { readonly folderMode: number },
  voice: WorkerVoice,
): number {
  const byClaim = new Map<string, Stray[]>();
  const note = (claim: string, stray: Stray): void => {
    if (known.has(claim)) return;
    byClaim.set(claim, [...(byClaim.get(claim) ?? []), stray]);
  };
  findInWork(visit, note, voice);
  findHeld(visit, rules, note, voice);
  let count = 0;
  for (const [claim, strays] of byClaim) {
    const files = strays
      .map((stray, index): readonly [Part, Place] => [partOf(claim, stray, index), stray.place])
      .sort(([a], [b]) => FILE_ORDER.indexOf(a.file.part) - FILE_ORDER.indexOf(b.file.part));
    putBack(visit, files, rules.folderMode);
    count += files.length;
    voice.touched();
  }
  removeEmpty(visit);
  visit.flush();
  return count;
}

/** The data file first: it gives the stem. */
const FILE_ORDER: readonly FilePart[] = ["data", "control", "sidecar"];

function partOf(claim: string, { part, name }: Stray, index: number): Part {
  const file: DroppedFile = { part, name: fileNameOf(name), size: 0, modifiedNs: 0n, inode: 0n };
  return { claim, index, file, name };
}

function findInWork(
  visit: Visit,
  note: (claim: string, stray: Stray) => void,
  voice: WorkerVoice,
): void {
  const work = visit.root("work");
  for (const { name, kind } of work.list()) {
    voice.touched();
    const read = readWorkName(name);
    if (kind === "folder") {
      if (read !== undefined && read.original === undefined) {
        findBelow(visit, name, "", (stray) => note(read.claim, { ...stray, part: read.part }));
      }
      continue;
    }
    if (name.startsWith(OWN_PREFIX)) continue;
    const place: Place = { folder: work, name, at: "work" };
    // What nobody of us put there (04 attack 23) goes through all checks, too.
    if (read?.original === undefined) note(name, { part: "data", name, place });
    else note(read.claim, { part: read.part, name: read.original, place });
  }
}

function findBelow(
  visit: Visit,
  head: ByteName,
  path: ByteName,
  note: (stray: Omit<Stray, "part">) => void,
): void {
  const folder = visit.below("work", joined(head, path));
  if (folder === undefined) return;
  for (const { name, kind } of [...folder.list()]) {
    if (kind === "folder") findBelow(visit, head, joined(path, name), note);
    else note({ name: joined(path, name), place: { folder, name, at: "work" } });
  }
}

function findHeld(
  visit: Visit,
  rules: ListingRules,
  note: (claim: string, stray: Stray) => void,
  voice: WorkerVoice,
): void {
  for (const { base, name } of listing(visit.root("drop"), rules)) {
    voice.touched();
    const held = readHeldName(base);
    if (held === undefined) continue;
    const folder = visit.below("drop", parentOf(name));
    const original = joined(parentOf(name), held.original ?? base.slice(OWN_PREFIX.length));
    if (folder !== undefined)
      note(held.claim, {
        part: held.index === 0 ? "data" : "control",
        name: original,
        place: { folder, name: base, at: "held" },
      });
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
