/** What must hold once the agent has been started on an image and has nothing left to do. @module */
import { hash } from "node:crypto";
import { basename } from "node:path";
import type { StoreReport } from "../stored-messages.ts";
import { CHANNELS, type Channel, UNITS } from "./plan.ts";
import { type DroppedName, isWhole, type Seen, stemOf, titleOf } from "./seen.ts";

export function afterwards(
  seen: Seen,
  bound: ReadonlySet<number>,
  { stored, blocks }: StoreReport,
): string[] {
  const files = seen.files();
  const { begun } = seen;
  return [
    ...[...bound].flatMap((index) => misplaced(index, files)),
    ...CHANNELS.flatMap((channel) => [
      ...wronglySent("sent", channel, stored, begun, bound),
      ...wronglySent("aside", channel, blocks, begun, bound),
      ...wronglyNamed(channel, files, bound),
    ]),
    ...litter(seen, files, bound),
  ];
}

/** One name, in the right folder, with the bytes that were dropped. */
function misplaced(index: number, files: readonly DroppedName[]): string[] {
  const unit = UNITS[index];
  return (unit?.files ?? []).flatMap(({ name }, at) => {
    const own = files.filter((one) => one.index === index && one.at === at);
    const title = `${titleOf(index)} file ${at}`;
    const [only, ...more] = own;
    if (only === undefined) return [`conservation: ${title} is gone afterwards`];
    if (more.length > 0) {
      return [`uniqueness: ${title} lies in ${own.map(({ part }) => part).join(", ")}`];
    }
    if (!isWhole(only)) return [`integrity: ${title} in ${only.part}/ is not what was dropped`];
    const isNamed = basename(only.name).startsWith(stemOf(name));
    const isThere = only.part === unit?.goesTo && isNamed;
    return isThere ? [] : [`conservation: ${title} lies in ${only.part}/ at last`];
  });
}

/** Each message once, however many files had it; nothing that was in none. */
function wronglySent(
  kind: "sent" | "aside",
  channel: Channel,
  found: StoreReport["stored"],
  begun: ReadonlySet<number>,
  bound: ReadonlySet<number>,
): string[] {
  const counts = new Map<string, number>();
  for (const { body } of found.filter((one) => one.channel === channel)) {
    const key = hash("sha1", body);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const own = [...begun].filter((index) => UNITS[index]?.channel === channel);
  const sure = contentsOf(
    kind,
    own.filter((index) => bound.has(index)),
  );
  const all = contentsOf(kind, own);
  const reasons = [...sure].flatMap(([key, contents]) => {
    const count = counts.get(key) ?? 0;
    const title = `a message of ${titleOf(own.find((index) => holds(index, kind, key)) ?? -1)}`;
    if (count < contents.size) return [`conservation: ${title} is ${kind} ${count} times`];
    const most = all.get(key)?.size ?? 0;
    return count > most ? [`uniqueness: ${title} is ${kind} ${count} times`] : [];
  });
  // What was not flushed may be anything, or half of it.
  const isSure = own.every((index) => bound.has(index));
  const strange = [...counts.keys()].filter((key) => !all.has(key)).length;
  if (isSure && strange > 0) {
    reasons.push(`integrity: ${strange} bodies that nobody dropped are ${kind} in ${channel}`);
  }
  return reasons;
}

/** By body: the contents that it is in. Equal bytes under two names are two documents where they are not looked into (P26). */
function contentsOf(
  kind: "sent" | "aside",
  indexes: readonly number[],
): Map<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const index of indexes) {
    for (const key of KEYS[index]?.[kind] ?? []) {
      found.set(key, (found.get(key) ?? new Set()).add(UNITS[index]?.content ?? ""));
    }
  }
  return found;
}

/** By unit: the digests of its bodies. */
const KEYS = UNITS.map(({ sent, aside }) => ({
  sent: sent.map((body) => hash("sha1", body)),
  aside: aside.map((body) => hash("sha1", body)),
}));

const holds = (index: number, kind: "sent" | "aside", key: string): boolean =>
  KEYS[index]?.[kind].includes(key) === true;

/** P26: of files with one content one is the file, and the others are its repeats. */
function wronglyNamed(
  channel: Channel,
  files: readonly DroppedName[],
  bound: ReadonlySet<number>,
): string[] {
  const plain = new Map<string, number>();
  const archived = files.filter(({ part, at, ...one }) => {
    return one.channel === channel && part === "archive" && at === 0;
  });
  if (archived.some(({ index }) => !bound.has(index))) return [];
  for (const { index, name } of archived) {
    const { content = "" } = UNITS[index] ?? {};
    const isRepeat = basename(name).includes(".dup.");
    plain.set(content, (plain.get(content) ?? 0) + (isRepeat ? 0 : 1));
  }
  const wrong = [...plain.values()].filter((count) => count !== 1).length;
  return wrong === 0 ? [] : [`P26: ${wrong} contents of ${channel} have no file, or several`];
}

/** Nothing else lies about: no empty file that kept a name, no half copy. */
function litter(seen: Seen, files: readonly DroppedName[], bound: ReadonlySet<number>): string[] {
  const known = new Set(files.map(({ path }) => path));
  const waits = new Set(
    [...seen.begun].filter((index) => !bound.has(index)).map((index) => UNITS[index]?.channel),
  );
  return seen.names().flatMap((one) => {
    const { channel, part, name, path } = one;
    if (part === "error" && name.endsWith(".reason.json")) return [];
    if (known.has(path) && (part === "archive" || part === "error")) return [];
    // What was not written to its end: under a temporary name, or without what belongs to it.
    if (part === "in" && known.has(path) && waits.has(channel)) return [];
    // The trial of a folder, of a start that did not get further.
    if (/^\.holdfast-probe-[0-9a-f]+(?:\.[a-z]+)?$/.test(name)) return [];
    if (part !== "work" && seen.isNext(one)) return [];
    return [`litter: ${name.replace(/[0-9a-f]{12,16}/, "…")} in ${part}/ of ${channel}`];
  });
}
