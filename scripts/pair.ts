/** `npm run -s pair -- --dir DIR`: see `make-pair.ts`. Prints one line of JSON. @module */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { makePair } from "./make-pair.ts";

const EXIT_USAGE = 64;
const EXIT_CANNOT_CREATE = 73;

function fail(exit: number, what: string, next: string): never {
  console.error(`pair: ${what}\n  ${next}`);
  process.exit(exit);
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    // Not there yet: it will be made, or that says why not.
    return true;
  }
}

const { values } = parseArgs({ options: { dir: { type: "string" } } });
if (values.dir === undefined) fail(EXIT_USAGE, "--dir is missing", "npm run -s pair -- --dir DIR");
const folder = resolve(values.dir);
if (!isEmpty(folder)) fail(EXIT_CANNOT_CREATE, "the folder is not empty", "Name a new one");
console.log(JSON.stringify(await makePair({ folder, files: true })));
