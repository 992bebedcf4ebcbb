/**
 * `holdfast-sign`: makes and signs documents, on the machines of those who may.
 *
 * @module
 */
import { run } from "./program.ts";

/** Files that we create are nobody else's to write. */
process.umask(0o022);

// No await at the top level: the executable's entry is CommonJS (09 PK3).
void run(
  process.argv.slice(2),
  (line) => console.log(line),
  (text) => void process.stderr.write(text),
).then((exit) => {
  process.exitCode = exit;
});
