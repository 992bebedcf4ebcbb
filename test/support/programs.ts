/** Where the programs are that tests start: bundled by `npm test`, and from source where nobody did that. @module */
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
/** The root of the tree that was bundled. A copy in which a defect is planted has another one. */
export const BUNDLED_ROOT = "HOLDFAST_BUNDLED_ROOT";

export type ProgramMain = "agent/main.ts" | "receiver/main.ts" | "documents/cli/main.ts";

/** @returns the file to start, absolute */
export function programFile(main: ProgramMain, root = ROOT): string {
  return process.env[BUNDLED_ROOT] === root
    ? join(root, "build/programs", main.replace(/\.ts$/, ".mjs"))
    : join(root, main);
}
