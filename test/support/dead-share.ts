/**
 * A share whose server has gone: whatever asks something of it hangs. A mount of FUSE that nobody serves, which only
 * root can make.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class DeadShare implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-dead-"));
  readonly #device: number;

  private constructor() {
    this.#device = openSync("/dev/fuse", "r+");
    const made = mount(this.path, this.#device);
    if (made !== "") throw new Error(made);
  }

  /** @returns a share, or the line that says what cannot be tested and why */
  static make(): DeadShare | string {
    try {
      return new DeadShare();
    } catch (error) {
      return `not tested: a dead share; cannot mount one (${(error as Error).message.trim()})`;
    }
  }

  /** What hangs gets an error. */
  [Symbol.dispose](): void {
    spawnSync("umount", ["-l", this.path]);
    closeSync(this.#device);
    rmdirSync(this.path);
  }
}

function mount(path: string, device: number): string {
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
  // Without the helper for such mounts, which would want a program that serves it.
  const { status, stderr, error } = spawnSync(
    "mount",
    ["-i", "-t", "fuse", "-o", options, "holdfast", path],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe", device] },
  );
  return status === 0 ? "" : (error?.message ?? stderr);
}
