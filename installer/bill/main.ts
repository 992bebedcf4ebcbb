/**
 * `npm run release`: the last step, once packages are built and signed (09 1.3, step 10).
 *
 *   npm run release -- --counter N --min-from VERSION [--sign-key FINGERPRINT] [--osv PATH]
 *
 * With a stored export of OSV (a folder of JSON) it ends where a part is known to be vulnerable, unless CHANGELOG.md
 * names the advisory. Then it
 * writes `dist/release.yaml`, which people sign with `holdfast-sign release targets`, and `dist/SHA256SUMS` over all
 * that lies in `dist`; with a key also `SHA256SUMS.asc`.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../../package.json" with { type: "json" };
import { ROOT } from "../root.ts";
import { knownVulnerable, listedIn, readAdvisories } from "./advisories.ts";
import { writeChecksums } from "./checksums.ts";
import { releaseDescription } from "./release-description.ts";

const DIST = join(ROOT, "dist");
const EXIT_USAGE = 64;
const EXIT_BAD_DATA = 65;
const VERSION = /^\d+\.\d+\.\d+$/;

const { values } = parseArgs({
  options: {
    counter: { type: "string", default: "" },
    "min-from": { type: "string", default: "" },
    "sign-key": { type: "string" },
    osv: { type: "string" },
  },
});
const { counter, "min-from": minFrom, "sign-key": key, osv } = values;
if (!/^[1-9]\d{0,8}$/.test(counter) || !VERSION.test(minFrom)) {
  console.error(
    "npm run release -- --counter N --min-from VERSION [--sign-key FINGERPRINT] [--osv PATH]",
  );
  process.exit(EXIT_USAGE);
}
if (osv !== undefined) refuseVulnerable(osv);
const order = { releaseCounter: Number(counter), minFrom };
writeFileSync(join(DIST, "release.yaml"), releaseDescription(DIST, manifest.version, order));
writeChecksums(DIST, key === undefined ? undefined : { key });

function refuseVulnerable(path: string): void {
  const notes = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");
  const found = knownVulnerable(listedIn(DIST), readAdvisories(path), notes);
  if (found.length === 0) return;
  for (const line of found) console.error(line);
  process.exit(EXIT_BAD_DATA);
}
