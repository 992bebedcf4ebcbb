/** Which systems the native code runs on (09 PK11); `glibc-floor.long.ts` compiles it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseAboveFloor, wantedVersions } from "#installer/native/glibc-floor.ts";
import { compiledSqlite } from "#installer/native/sqlite-add-on.ts";
import { isLinux, PLATFORMS, runtimeOf } from "#installer/runtime.ts";
import { canRun } from "#test/support/built-executable.ts";

const skip = canRun ? false : "only Linux reads what Linux's files want";

test("[PK11] native code that wants a newer glibc is refused, with what it wants", { skip }, () => {
  for (const name of ["linux-x64", "linux-arm64"]) {
    const file = `node_modules/better-sqlite3/prebuilds/${name}.node`;
    assert.throws(() => refuseAboveFloor(file), /wants .*GLIBC_2\.34.*: newer than we promise/);
  }
});

test("[PK11] Node, koffi and the compiled better-sqlite3 want no more than RHEL 8 has", {
  skip,
}, (t) => {
  const files = [runtimeOf("linux-x64").node, runtimeOf("linux-x64").addOns.koffi];
  for (const platform of PLATFORMS.filter(isLinux)) {
    const compiled = compiledSqlite(platform);
    if (compiled !== undefined) files.push(compiled);
    else t.diagnostic(`not tested: better-sqlite3 for ${platform} was not compiled here`);
  }
  for (const file of files) {
    refuseAboveFloor(file);
    assert.ok(wantedVersions(file).some((version) => /^GLIBC_2\.(28|2[0-7]|1\d)$/.test(version)));
  }
});
