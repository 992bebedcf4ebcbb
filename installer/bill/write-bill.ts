/** What lies beside the executables: the lists of their parts, and the licences of these (09 1.7). @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { billsOf } from "./bill-of.ts";
import { cycloneDx } from "./cyclonedx.ts";
import { refuseUnknownParts } from "./known-parts.ts";
import type { Made } from "./made.ts";
import { notices } from "./notices.ts";
import type { Release } from "./release.ts";
import { spdx } from "./spdx.ts";

/** Of one program for one platform. */
export interface BillFiles {
  readonly cycloneDx: string;
  readonly spdx: string;
}

export const NOTICES = "THIRD-PARTY-NOTICES.txt";

/** Where the lists of an executable's parts lie. */
export function billFiles(executable: string): BillFiles {
  const stem = executable.replace(/\.exe$/, "");
  return { cycloneDx: `${stem}.cdx.json`, spdx: `${stem}.spdx.json` };
}

/**
 * Writes, beside each executable, its parts as CycloneDX and as SPDX, and into `dist` the notices of all.
 *
 * @throws {Error} that names a part: unknown, not in the lock file, without the text of its licence, or with a
 *   licence that is not allowed; then nothing is written
 */
export function writeBill(dist: string, made: readonly Made[], release: Release): void {
  const bills = billsOf(made);
  refuseUnknownParts(bills);
  for (const [index, { file }] of made.entries()) {
    const bill = bills[index];
    if (bill === undefined) continue;
    const files = billFiles(file);
    writeFileSync(files.cycloneDx, cycloneDx(bill, release));
    writeFileSync(files.spdx, spdx(bill, release));
  }
  writeFileSync(join(dist, NOTICES), notices(bills));
}
