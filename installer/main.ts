/** `npm run build`: everything that is released, in `dist` (09 1.3). @module */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildExecutable } from "./executable.ts";
import { PROGRAMS } from "./programs.ts";
import { ROOT } from "./root.ts";

const DIST = join(ROOT, "dist");
const MB = 1_000_000;

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
for (const program of PROGRAMS) {
  const file = await buildExecutable(program, "linux-x64", DIST);
  console.log(`${file}: ${(statSync(file).size / MB).toFixed(1)} MB`);
}
