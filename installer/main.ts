/** `npm run build`: everything that is released, in `dist` (09 1.3). @module */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildExecutable } from "./executable.ts";
import { AGENT } from "./programs.ts";
import { ROOT } from "./root.ts";

const DIST = join(ROOT, "dist");
const MIB = 1_048_576;

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
const file = await buildExecutable(AGENT, "linux-x64", DIST);
console.log(`${file}: ${(statSync(file).size / MIB).toFixed(1)} MiB`);
