/** `npm run build` of a copy of the tree. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** With the native code that is at hand; fails unless it builds. */
export function buildIn(root: string, platform: string, ...options: readonly string[]): void {
  const args = [join(root, "installer/main.ts"), platform, "--at-hand", ...options];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
