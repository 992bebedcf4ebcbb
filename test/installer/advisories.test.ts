/** A Node that somebody warns of is not built with (09 PK1). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { refuseAdvised } from "#installer/advisories.ts";

const record = (id: string, events: readonly object[], more: object = {}): object => ({
  ...{ id, ...more },
  affected: [
    { package: { name: "node", ecosystem: "Bitnami" }, ranges: [{ type: "SEMVER", events }] },
  ],
});

describe("stored advisories", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-advisories-"));
    const records = [
      record("OLD", [{ introduced: "24.0.0" }, { fixed: "24.21.0" }]),
      record("OURS", [
        { introduced: "0" },
        { fixed: "22.1.0" },
        { introduced: "24.0.0" },
        { fixed: "24.22.0" },
      ]),
      record("LAST", [{ introduced: "24.20.0" }, { last_affected: "24.21.0" }]),
      record("WITHDRAWN", [{ introduced: "0" }], { withdrawn: "2026-01-01T00:00:00Z" }),
      { id: "OTHER", affected: [{ package: { name: "nodemon" }, versions: ["24.21.0"] }] },
    ];
    for (const [index, one] of records.entries()) {
      writeFileSync(join(folder, `${index}.json`), JSON.stringify(one));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("[PK1] the pinned Node is refused with the ids that name it, unless a reason was given", () => {
    assert.throws(
      () => refuseAdvised("24.21.0", folder, []),
      /^Error: Node 24\.21\.0 is named by LAST, OURS$/,
    );
    assert.throws(() => refuseAdvised("24.21.0", folder, ["OURS"]), /named by LAST$/);
    refuseAdvised("24.21.0", folder, ["OURS", "LAST"]);
    assert.throws(() => refuseAdvised("24.21.1", folder, []), /named by OURS$/);
    refuseAdvised("24.22.0", folder, []);
    assert.throws(() => refuseAdvised("24.20.9", folder, []), /named by LAST, OLD, OURS$/);
  });

  test("[PK1] a folder without a record is no answer", () => {
    assert.throws(() => refuseAdvised("24.21.0", join(folder, "nowhere"), []), /no record/);
  });
});
