/**
 * `npm run release`: the last step, once packages are built and signed (09 1.3, step 10).
 *
 *   npm run release -- --counter N --min-from VERSION [--sign-key FINGERPRINT]
 *
 * Writes `dist/release.yaml`, which people sign with `holdfast-sign release targets`, and `dist/SHA256SUMS` over all
 * that lies in `dist`; with a key also `SHA256SUMS.asc`.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../../package.json" with { type: "json" };
import { ROOT } from "../root.ts";
import { writeChecksums } from "./checksums.ts";
import { releaseDescription } from "./release-description.ts";

const DIST = join(ROOT, "dist");
const EXIT_USAGE = 64;
const VERSION = /^\d+\.\d+\.\d+$/;

const { values } = parseArgs({
  options: {
    counter: { type: "string", default: "" },
    "min-from": { type: "string", default: "" },
    "sign-key": { type: "string" },
  },
});
const { counter, "min-from": minFrom, "sign-key": key } = values;
if (!/^[1-9]\d{0,8}$/.test(counter) || !VERSION.test(minFrom)) {
  console.error("npm run release -- --counter N --min-from VERSION [--sign-key FINGERPRINT]");
  process.exit(EXIT_USAGE);
}
const order = { releaseCounter: Number(counter), minFrom };
writeFileSync(join(DIST, "release.yaml"), releaseDescription(DIST, manifest.version, order));
writeChecksums(DIST, key === undefined ? undefined : { key });
