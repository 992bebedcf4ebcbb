/** A real disk that can be filled: an ext4 in a file, which only root can mount. @module */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 1024 * 1024;

export class LoopDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-loop-"));
  readonly stateDir = join(this.path, "state");

  private constructor(mebibytes: number) {
    const image = `${this.path}.img`;
    writeFileSync(image, "");
    truncateSync(image, mebibytes * MIB);
    const trouble =
      run("mkfs.ext4", "-q", "-F", "-m", "0", image) ||
      run("mount", "-o", "loop", image, this.path);
    if (trouble !== "") {
      this[Symbol.dispose]();
      throw new Error(trouble);
    }
    mkdirSync(this.stateDir, { mode: 0o700 });
  }

  /** @returns a disk, or the line that says what cannot be tested and why */
  static make(mebibytes: number): LoopDisk | string {
    try {
      return new LoopDisk(mebibytes);
    } catch (error) {
      return `not tested: a real full disk; cannot mount one (${(error as Error).message})`;
    }
  }

  /** Another program's file takes every byte that is left. */
  fill(): void {
    const file = openSync(join(this.path, "somebody"), "a");
    try {
      for (const size of [MIB, 65_536, 4_096, 1]) writeUntilFull(file, size);
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(join(this.path, "somebody"), { force: true });
  }

  [Symbol.dispose](): void {
    run("umount", "-l", this.path);
    rmSync(this.path, { recursive: true, force: true });
    rmSync(`${this.path}.img`, { force: true });
  }
}

function writeUntilFull(file: number, size: number): void {
  const bytes = Buffer.alloc(size, 1);
  try {
    while (writeSync(file, bytes) === size);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

/** @returns what went wrong, or nothing */
function run(program: string, ...args: readonly string[]): string {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? "" : (error?.message ?? stderr).trim();
}
