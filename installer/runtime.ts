/** The one Node that goes into the executables, per platform, by digest (09 PK1), and the native add-ons beside it. @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AddOnName } from "#packaged/add-ons.ts";
import { fetchPackage } from "./packages.ts";
import runtime from "./runtime.json" with { type: "json" };

export type Platform = keyof typeof runtime.platforms;

export const PLATFORMS = Object.keys(runtime.platforms) as readonly Platform[];

export interface Runtime {
  /** The executable of Node. */
  readonly node: string;
  /** Native add-ons, by the name that the program asks for. */
  readonly addOns: Readonly<Record<AddOnName, string>>;
}

/**
 * Fetches what is for another platform than this one.
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
  const paths = Object.entries(addOns).map(([name, addOn]) => {
    return [name, join(fetchPackage(addOn.package), addOn.file)] as const;
  });
  return { node: file, addOns: Object.fromEntries(paths) as Record<AddOnName, string> };
}
