/** The one Node that goes into the executables, per platform, by digest (09 PK1). @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AddOnName } from "#packaged/add-ons.ts";
import { ROOT } from "./root.ts";
import runtime from "./runtime.json" with { type: "json" };

export type Platform = keyof typeof runtime.platforms;

export interface Runtime {
  /** The executable of Node. */
  readonly node: string;
  /** Native add-ons, by the name that the program asks for; from the root. */
  readonly addOns: Readonly<Record<AddOnName, string>>;
}

/** @throws {Error} if the Node that is there is not the one that was chosen, to the byte */
export function runtimeOf(platform: Platform): Runtime {
  const { node, sha256, addOns } = runtime.platforms[platform];
  const file = join(ROOT, node);
  const found = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (found !== sha256) throw new Error(`${node}: SHA-256 is ${found}, not ${sha256}`);
  if (process.versions.node !== runtime.version) {
    throw new Error(`the blob must be written by Node ${runtime.version}, not ${process.version}`);
  }
  return { node: file, addOns };
}
