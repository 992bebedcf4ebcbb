/**
 * What became of each test, over two runs: a file that failed beside others is run once more, alone.
 *
 * Tests that wait for clocks can fail on two processors on which three files are at work, and say nothing of the program.
 * They are named, as unsteady. Where chance looks for faults — kills, power cuts, schedules, fuzzing — a failure is a
 * finding, and nothing takes it back.
 *
 * @module
 */
import { relative } from "node:path";

/** Of files below these, one failure counts. */
const STRICT = ["test/faults/", "test/simulation/", "test/fuzz/"];

/** One test, as the runner tells of it. */
export interface Told {
  readonly name: string;
  /** Absolute; absent for what is in no file. */
  readonly file?: string | undefined;
}

export class TestTally {
  readonly #passed = new Set<string>();
  readonly #failed = new Map<string, Told>();
  readonly #unsteady: string[] = [];
  /** How often each came in this run: a loop makes tests of one name at one place. */
  readonly #times = new Map<string, number>();

  get passed(): number {
    return this.#passed.size;
  }

  get failed(): number {
    return this.#failed.size;
  }

  /** Failed beside others, and passed alone. */
  get unsteady(): readonly string[] {
    return this.#unsteady;
  }

  /** @param place of the test in its file: names may come twice */
  pass(told: Told, place: string): void {
    const key = this.#keyOf(told, place);
    if (this.#failed.delete(key)) this.#unsteady.push(told.name);
    this.#passed.add(key);
  }

  fail(told: Told, place: string): void {
    const key = this.#keyOf(told, place);
    this.#passed.delete(key);
    this.#failed.set(key, told);
  }

  /** Files that may be run once more; from now on what is told is of their second run. */
  secondRun(): readonly string[] {
    const files = [...this.#failed.values()].map(({ file }) => file);
    const again = files.filter((file) => file !== undefined && !isStrict(file)) as string[];
    this.#times.clear();
    // A file that did not come to its end, and now does, is not told of: only its tests are.
    for (const [key, { name, file }] of this.#failed) {
      if (file === undefined || !again.includes(file) || !file.endsWith(name)) continue;
      this.#failed.delete(key);
      this.#unsteady.push(name);
    }
    return [...new Set(again)];
  }

  #keyOf({ name, file = "" }: Told, place: string): string {
    const one = `${file}:${place}:${name}`;
    const times = (this.#times.get(one) ?? 0) + 1;
    this.#times.set(one, times);
    return `${one}:${times}`;
  }
}

const isStrict = (file: string): boolean =>
  STRICT.some((folder) => relative(process.cwd(), file).startsWith(folder));
