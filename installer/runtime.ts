/** The one Node that goes into the executables, per platform, by digest (09 PK1), and the native add-ons beside it. @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AddOnName } from "#packaged/add-ons.ts";
import { compiledSqlite, type LinuxPlatform } from "./native/sqlite-add-on.ts";
import { fetchPackage } from "./packages.ts";
import runtime from "./runtime.json" with { type: "json" };

export type Platform = keyof typeof runtime.platforms;

export const isLinux = (platform: Platform): platform is LinuxPlatform => platform !== "win-x64";

export const PLATFORMS = Object.keys(runtime.platforms) as readonly Platform[];

export interface Runtime {
  /** The executable of Node. */
  readonly node: string;
  /** Native add-ons, by the name that the program asks for. */
  readonly addOns: Readonly<Record<AddOnName, string>>;
}

/**
 * Fetches what is for another platform than this one. better-sqlite3 for Linux is the compiled one once there is one;
 * before, it is that of its package, which is good for a trial on this machine.
 *
 * @returns absolute paths
 * @throws {Error} if the Node that is there is not the one that was chosen, to the byte
 */
export function runtimeOf(platform: Platform): Runtime {
  const { node, addOns } = runtime.platforms[platform];
  if (process.versions.node !== runtime.version) {
    throw new Error(`the blob must be written by Node ${runtime.version}, not ${process.version}`);
  }
  const file = join(fetchPackage(node.package), node.file);
  const found = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (found !== node.sha256) {
    throw new Error(`${node.package}/${node.file}: SHA-256 is ${found}, not ${node.sha256}`);
  }
  const fileOf = (name: AddOnName): string =>
    join(fetchPackage(addOns[name].package), addOns[name].file);
  const compiled = isLinux(platform) ? compiledSqlite(platform) : undefined;
  return {
    node: file,
    addOns: {
      "better-sqlite3": compiled ?? fileOf("better-sqlite3"),
      koffi: fileOf("koffi"),
    },
  };
}
