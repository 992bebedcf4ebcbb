/**
 * The clock of another process, moved from outside while it runs: libfaketime and a file that says by how much.
 *
 * @module
 */
import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Debian and Fedora put it; the one for programs with threads. */
const LIBRARIES = [
  "/usr/lib/*/faketime/libfaketimeMT.so.1",
  "/usr/lib64/faketime/libfaketimeMT.so.1",
];

export class SteppedClock implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-clock-"));
  readonly #library: string;
  #hours = 0;

  private constructor(library: string) {
    this.#library = library;
    this.set(0);
  }

  /** @returns a clock that shows the time as it is, or the line that says what is missing */
  static make(): SteppedClock | string {
    const [library] = globSync(LIBRARIES);
    if (library === undefined) return "not tested: clock jumps; libfaketime is not installed";
    return new SteppedClock(library);
  }

  /** How far it is from the time, in hours. */
  get hours(): number {
    return this.#hours;
  }

  /** Jumps to so many hours from the time. */
  set(hours: number): void {
    this.#hours = hours;
    const seconds = Math.round(hours * 3_600);
    // In one step: a file that is read half-written would end the reader.
    writeFileSync(join(this.#folder, "next"), `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(join(this.#folder, "next"), join(this.#folder, "offset"));
  }

  /** For a process that shall see it. @param moves whether only the wall clock jumps, or all time passes */
  env(moves: "wallClock" | "allClocks"): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: join(this.#folder, "offset"),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: moves === "wallClock" ? "1" : "0",
      NO_FAKE_STAT: "1",
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
