/** A disk that can be filled: a tmpfs of a few megabytes, which only root can mount. @module */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class SmallDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-disk-"));
  readonly stateDir = join(this.path, "state");

  private constructor(bytes: number) {
    const made = mount(bytes, this.path);
    if (made !== "") throw new Error(made);
  }

  /** @returns a disk, or the line that says what cannot be tested and why */
  static make(bytes: number): SmallDisk | string {
    try {
      return new SmallDisk(bytes);
    } catch (error) {
      return `not tested: a full disk; cannot mount one (${(error as Error).message.trim()})`;
    }
  }

  /** Takes every byte that is left. */
  fill(): void {
    mkdirSync(join(this.path, "filler"), { recursive: true });
    for (const size of [1 << 20, 1 << 16, 4_096]) {
      try {
        for (let i = 0; ; i++) writeFileSync(this.#filler(`${size}-${i}`), Buffer.alloc(size, 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(join(this.path, "filler"), { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["-l", this.path]);
    rmdirSync(this.path);
  }

  #filler(name: string): string {
    return join(this.path, "filler", name);
  }
}

function mount(bytes: number, path: string): string {
  const options = `size=${bytes},mode=0700`;
  const { status, stderr, error } = spawnSync(
    "mount",
    ["-t", "tmpfs", "-o", options, "tmpfs", path],
    { encoding: "utf8" },
  );
  return status === 0 ? "" : (error?.message ?? stderr);
}
