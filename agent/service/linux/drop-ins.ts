/**
 * What a site has to add to the unit for its own folders (09 SV2): the unit lets the service write nowhere else, and run
 * nothing from where it writes.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SERVICE, SYSTEM_CONFIGURATION, UNITS } from "./unit-places.ts";

export const FOLDERS_DROP_IN = `${SYSTEM_CONFIGURATION}/${SERVICE}.d/20-folders.conf`;
/** systemd.unit(5), the most important first. */
const UNIT_FOLDERS = [
  SYSTEM_CONFIGURATION,
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  UNITS,
];
/** Where the unit shows the service an empty folder, or one of its own. */
const HIDDEN = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/** The file of the unit that counts, and one that it hides (09 SV10). */
export function unitFiles(folders: readonly string[] = UNIT_FOLDERS): {
  readonly used: string | undefined;
  readonly hidden: string | undefined;
} {
  const [used, hidden] = folders.map((folder) => join(folder, SERVICE)).filter(existsSync);
  return { used, hidden };
}

/**
 * Folders that the service may write, or run programs from, by the unit and what was added to it.
 *
 * @param directive such as `ReadWritePaths`
 */
export function pathsOf(
  directive: "ReadWritePaths" | "NoExecPaths",
  folders: readonly string[] = UNIT_FOLDERS,
): readonly string[] {
  const { used } = unitFiles(folders);
  const files = [...(used === undefined ? [] : [used]), ...dropInFiles(folders)];
  return files.flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line.startsWith(`${directive}=`))
      .flatMap((line) => line.slice(directive.length + 1).match(WORD) ?? [])
      .map(unquoted),
  );
}

function dropInFiles(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    const dropIns = join(folder, `${SERVICE}.d`);
    if (!existsSync(dropIns)) return [];
    const names = readdirSync(dropIns).filter((name) => name.endsWith(".conf"));
    return names.map((name) => join(dropIns, name));
  });
}

/**
 * What has to be named so that all of these can be written: of one that is not there yet, the folder that it will be
 * made in.
 */
export function toName(paths: readonly string[]): readonly string[] {
  const named = paths.map((path) =>
    existsSync(path) || dirname(dirname(path)) === dirname(path) ? path : dirname(path),
  );
  const once = [...new Set(named)].sort();
  return once.filter((path) => !once.some((other) => other !== path && isWithin(path, other)));
}

export const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);

/** No line of a drop-in helps there. */
export const hiddenOnes = (paths: readonly string[]): readonly string[] =>
  paths.filter((path) => HIDDEN.some((folder) => isWithin(path, folder)));

/** The text of the drop-in for folders. */
export const dropInFor = (paths: readonly string[]): string =>
  [
    "[Service]",
    ...paths.flatMap((path) => [`ReadWritePaths=-${quoted(path)}`, `NoExecPaths=-${quoted(path)}`]),
  ].join("\n");

const WORD = /[-+]*(?:"(?:[^"\\]|\\.)*"|\S+)/g;

const unquoted = (word: string): string =>
  word
    .replace(/^[-+]+/, "")
    .replace(/^"(.*)"$/, "$1")
    .replaceAll(/\\(.)/g, "$1")
    .replaceAll("%%", "%");

/** systemd splits at spaces, and reads `%` as the beginning of a specifier. */
const quoted = (path: string): string => {
  const escaped = path.replaceAll("%", "%%").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return /[\s"'\\]/.test(path) ? `"${escaped}"` : escaped;
};
