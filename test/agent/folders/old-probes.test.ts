/** Trial files that a killed start has left. */
import assert from "node:assert/strict";
import { utimesSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { DropFolder } from "#test/support/drop-folder.ts";

const FOLDERS = ["drop", "work", "archive", "error"] as const;

test("[P3] trial files of a start that was killed are removed an hour later, and nothing else", () => {
  using folder = new DropFolder();
  const nowSeconds = folder.clock.nowMs() / 1_000;
  const put = (role: (typeof FOLDERS)[number], name: string, ageSeconds: number): void => {
    const path = folder.at(role, name);
    writeFileSync(path, "");
    utimesSync(path, nowSeconds - ageSeconds, nowSeconds - ageSeconds);
  };
  for (const role of FOLDERS) {
    put(role, ".holdfast-probe-0123456789ab", 3_601);
    put(role, ".holdfast-probe-0123456789ab.link", 3_601);
    put(role, ".holdfast-probe-fedcba987654", 3_590);
    put(role, ".holdfast-of-somebody", 10_000);
  }
  assert.equal(folder.methods.strays([]), 0);
  for (const role of FOLDERS) {
    const left = [".holdfast-of-somebody", ".holdfast-probe-fedcba987654"];
    assert.deepEqual(folder.list(role), left, role);
  }
});
