/** A small file is read in one call: a writer that comes in just then is noticed all the same (04 P23). */
import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, test } from "node:test";
import { DropFolder } from "#test/support/drop-folder.ts";

const { readSync } = fs;
/** Happens once, behind the first read of the file. */
let meanwhile: (() => void) | undefined;
// One of two signatures, the one that is used here.
fs.readSync = ((...args: Parameters<typeof readSync>): number => {
  const count = readSync(...args);
  // Not of what the system tells about itself.
  if (!fs.readlinkSync(`/proc/self/fd/${args[0]}`).endsWith(".a.hl7")) return count;
  const act = meanwhile;
  meanwhile = undefined;
  act?.();
  return count;
}) as typeof readSync;
syncBuiltinESMExports();

afterEach(() => {
  meanwhile = undefined;
});

const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  "is appended to": (path) => fs.appendFileSync(path, "OBX|1\r"),
  "gets other bytes of the same length": (path) => {
    const descriptor = fs.openSync(path, "r+");
    fs.writeSync(descriptor, "X", 3);
    fs.closeSync(descriptor);
  },
  "is cut short": (path) => fs.truncateSync(path, 4),
  "is replaced by another one": (path) => {
    fs.writeFileSync(`${path}.other`, "MSH|^~\\&|\r");
    fs.renameSync(`${path}.other`, path);
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`[P23, P-A29] a small file that ${what} while it is read is not used`, () => {
    using folder = new DropFolder();
    const claimed = folder.taken("a.hl7");
    const [name = ""] = folder.list("work");
    // A clock that stands still for some milliseconds must not hide it.
    fs.utimesSync(folder.at("work", name), 1_700_000_000, 1_700_000_000);
    const files = claimed.files.map((file) => ({
      ...file,
      modifiedNs: 1_700_000_000_000_000_000n,
    }));
    meanwhile = () => change(folder.at("work", name));
    const [read] = folder.methods.read({ claims: [{ ...claimed, files }], maxBytes: 1_000 });
    assert.equal(read?.outcome, "changed");
    assert.equal(meanwhile, undefined);
  });
}

test("[P23] a small file that nobody touches is used", () => {
  using folder = new DropFolder();
  const [read] = folder.methods.read({ claims: [folder.taken("a.hl7")], maxBytes: 1_000 });
  assert.equal(read?.outcome, "whole");
});
