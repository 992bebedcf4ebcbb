/**
 * Loaded by `npm test` before each test file: writes down what the file, and every process that it started and waited
 * for, took of the processor. On two cores that is what the whole run takes.
 *
 * @module
 */
import { appendFileSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

/** The file that gets a line a test file: seconds, a space, its path. */
export const PROCESSOR_TIMES = "HOLDFAST_TEST_PROCESSOR_TIMES";
/** Of `utime`, `stime`, `cutime`, `cstime` behind the name of the program (proc(5)), in hundredths of a second. */
const FIRST_FIELD = 11;
const PER_SECOND = 100;

const file = process.env[PROCESSOR_TIMES];
const test = process.argv[1];
if (isMainThread && file !== undefined && test?.endsWith("test.ts") === true) {
  // Programs that it starts are counted with it.
  delete process.env[PROCESSOR_TIMES];
  process.on("exit", () => {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const took = fields.slice(FIRST_FIELD, FIRST_FIELD + 4).map(Number);
    const seconds = took.reduce((sum, one) => sum + one, 0) / PER_SECOND;
    appendFileSync(file, `${seconds} ${test}\n`);
  });
}
