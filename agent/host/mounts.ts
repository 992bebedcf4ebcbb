/** What is mounted where a folder is. All of it is text that whoever mounted may have chosen. @module */
import { readFileSync, realpathSync } from "node:fs";

export interface Mount {
  /** Such as `ext4` or `fuse.sshfs`. */
  readonly type: string;
  readonly source: string;
  /** The folder at which it is seen. */
  readonly point: string;
  /** Which folder of its file system is seen there; not `/` for a bind mount. */
  readonly root: string;
}

/** Linux's table of mounts, as text; asks no file system. @returns nothing on other platforms */
export function mountTable(): string {
  return process.platform === "linux" ? readFileSync("/proc/self/mountinfo", "utf8") : "";
}

/** The mount that `folder` is on. @returns nothing on other platforms, or if it cannot be read */
export function mountOf(folder: string): Mount | undefined {
  if (process.platform !== "linux") return undefined;
  return mountIn(mountTable(), realpathSync(folder));
}

/** Pure. @param table as in proc(5), /proc/pid/mountinfo; of mounts on one point the last one counts */
export function mountIn(table: string, path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const { mount } of rowsOf(table)) {
    const { point } = mount;
    const covers = point === "/" || point === path || path.startsWith(`${point}/`);
    if (covers && point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

/** Pure. @param id as in /proc/pid/fdinfo */
export function mountById(table: string, id: number): Mount | undefined {
  for (const row of rowsOf(table)) if (row.id === id) return row.mount;
  return undefined;
}

/** Pure. Where something is mounted below `path`, which is not itself among them. */
export function mountPointsBelow(table: string, path: string): ReadonlySet<string> {
  const before = path === "/" ? "/" : `${path}/`;
  const points = [...rowsOf(table)].map(({ mount }) => mount.point);
  return new Set(points.filter((point) => point.startsWith(before) && point !== "/"));
}

function* rowsOf(table: string): Generator<{ readonly id: number; readonly mount: Mount }> {
  for (const line of table.split("\n")) {
    const [before = "", after = ""] = line.split(" - ", 2);
    const [id = "", , , root = "", point = ""] = before.split(" ").map(unescaped);
    const [type = "", source = ""] = after.split(" ").map(unescaped);
    if (point !== "") yield { id: Number(id), mount: { type, source, point, root } };
  }
}

/** Space, tab, newline and backslash stand as `\040` and the like. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
