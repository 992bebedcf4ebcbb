/** What `npm run build` makes, of a copy of the tree. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** With the native code that is at hand; fails unless it builds. */
export function buildIn(root: string, platform: string, ...options: readonly string[]): void {
  const args = [join(root, "installer/main.ts"), platform, "--at-hand", ...options];
  // A copy has no history.
  const env = { ...process.env, SOURCE_DATE_EPOCH: "1790000000" };
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env,
  });
  assert.equal(status, 0, stderr);
}

/**
 * The agent's executable alone, by a process of its own.
 *
 * @returns its path
 */
export function buildAgentIn(root: string, platform: "win-x64"): string {
  const dist = join(root, "dist");
  mkdirSync(dist);
  const script = `
    import { buildExecutable } from "#installer/executable.ts";
    import { AGENT } from "#installer/programs.ts";
    await buildExecutable(AGENT, ${JSON.stringify(platform)}, ${JSON.stringify(dist)});`;
  const args = ["--input-type=module", "--eval", script];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return join(dist, "holdfast.exe");
}
