import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { readOnce } from "#agent/host/read-once.ts";

test("[U29] a link, a pipe, a folder, a device, 5 GB, what is absent: refused at once and by name; a file is read whole", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-once-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("file"), "0123456789");
  symlinkSync(at("file"), at("link"));
  symlinkSync(at("nowhere"), at("dangling"));
  mkdirSync(at("folder"));
  assert.equal(spawnSync("mkfifo", [at("pipe")]).status, 0);
  const large = openSync(at("large"), "w");
  ftruncateSync(large, 5 * 2 ** 30);
  closeSync(large);
  for (const [file, reason] of [
    [at("link"), "ELOOP"],
    [at("dangling"), "ELOOP"],
    [at("folder"), "notRegular"],
    [at("pipe"), "notRegular"],
    ["/dev/zero", "notRegular"],
    [at("large"), "tooLarge"],
    [at("absent"), "ENOENT"],
  ] as const) {
    assert.throws(
      () => readOnce(file, 10),
      (error) =>
        error instanceof AgentError &&
        error.code === "BUNDLE_UNREADABLE" &&
        error.facts["reason"] === reason,
      file,
    );
  }
  assert.throws(() => readOnce(at("file"), 9), /BUNDLE_UNREADABLE/);
  assert.equal(Buffer.from(readOnce(at("file"), 10)).toString(), "0123456789");
  // It says that it is empty, and is not: its size is no promise.
  assert.throws(() => readOnce("/proc/self/maps", 10), /BUNDLE_UNREADABLE/);
});
