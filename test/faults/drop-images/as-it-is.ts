/** What must hold in every image before anybody has looked at it: rows and folders, compared. @module */
import type { ClaimRow } from "#agent/ingest/file-drop/claims.ts";
import { type Channel, UNITS } from "./plan.ts";
import { type DroppedName, isWhole, type Seen, titleOf } from "./seen.ts";

type Rows = ReadonlyMap<Channel, readonly ClaimRow[]>;

export function asItIs(seen: Seen, rows: Rows, bound: ReadonlySet<number>): string[] {
  const files = seen.files();
  return [
    ...lost(files, bound),
    ...withoutRow(seen, rows),
    ...[...rows].flatMap(([channel, own]) =>
      own.flatMap((row) => outOfStep(channel, row, seen.unitOf(row), files)),
    ),
    ...tooEarly(files, rows),
  ];
}

/** P1, P25: the content is durable, whatever the agent has done with the file. */
function lost(files: readonly DroppedName[], bound: ReadonlySet<number>): string[] {
  return [...bound].flatMap((index) =>
    (UNITS[index]?.files ?? []).flatMap((_, at) => {
      const names = files.filter((one) => one.index === index && one.at === at);
      if (names.length === 0) return [`conservation: ${titleOf(index)} file ${at} is gone`];
      return names.every(isWhole)
        ? []
        : [`conservation: ${titleOf(index)} file ${at} is not what was dropped`];
    }),
  );
}

/** P17: the row is durable before the rename. */
function withoutRow(seen: Seen, rows: Rows): string[] {
  return seen
    .names()
    .filter(({ part, name }) => part === "work" && /^[0-9a-f]{16}\./.test(name))
    .filter(({ channel, name }) => {
      const own = rows.get(channel) ?? [];
      return !own.some(({ claim }) => name.startsWith(claim));
    })
    .map(({ channel }) => `P17: a file lies in work/ of ${channel}, and has no row`);
}

/** P17, P25: what the row says has happened to the names. */
function outOfStep(
  channel: Channel,
  { state }: ClaimRow,
  index: number | undefined,
  files: readonly DroppedName[],
): string[] {
  if (index === undefined) return [];
  const parts = files.filter((one) => one.index === index && one.at === 0).map(({ part }) => part);
  const isDecided = state !== "claimed";
  const found: string[] = [];
  if (isDecided && channel !== "rows" && parts.includes("in")) {
    found.push(`P17: ${titleOf(index)} is ${state}, and still in the drop folder`);
  }
  if (state === "moved" && (parts.includes("work") || parts.includes("in"))) {
    found.push(`P25: ${titleOf(index)} is moved, and still ${parts.join(" and ")}`);
  }
  return found;
}

/** P25: nothing is moved before the commit. */
function tooEarly(files: readonly DroppedName[], rows: Rows): string[] {
  return files
    .filter(({ part, at }) => at === 0 && (part === "archive" || part === "error"))
    .filter(({ channel, recorded }) => {
      const own = (rows.get(channel) ?? []).filter((row) => row.files[0]?.inode === recorded);
      return !own.some(({ state }) => state !== "claimed");
    })
    .map(({ index, part }) => `P25: ${titleOf(index)} is in ${part}/, and not decided`);
}
