/** Files of the program that runs, kept while another one is installed over them (07 section 3). */
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { restoreFiles, saveFiles } from "#agent/updater/saved-files.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-saved-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** As installers do: a new file under the old name. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

test("[B20] what was kept comes back, also what is gone by then, with its rights; twice is once", () => {
  const saved = join(folder, "before");
  const program = join(folder, "bin/holdfast");
  const addOn = join(folder, "lib/one.node");
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "lib"));
  writeFileSync(program, "old");
  chmodSync(program, 0o755);
  writeFileSync(addOn, "old code");
  // What an earlier update has left there is not put back.
  mkdirSync(saved);
  writeFileSync(join(saved, "stray"), "stray");
  saveFiles({ folder: saved, files: [program, addOn, join(folder, "absent")] });
  replace(program, "new");
  rmSync(addOn);
  restoreFiles(saved);
  assert.equal(readFileSync(program, "utf8"), "old");
  assert.equal(statSync(program).mode & 0o777, 0o755);
  assert.equal(readFileSync(addOn, "utf8"), "old code");
  replace(program, "new");
  restoreFiles(saved);
  assert.equal(readFileSync(program, "utf8"), "old");
});

test("[B20] on another file system they are copies, with the same rights", (t) => {
  const other = "/dev/shm";
  if (statSync(other, { throwIfNoEntry: false })?.dev === statSync(folder).dev) {
    t.skip("no second file system: copies were not tested");
    return;
  }
  const saved = join(mkdtempSync(join(other, "holdfast-saved-")), "before");
  t.after(() => rmSync(join(saved, ".."), { recursive: true, force: true }));
  const program = join(folder, "copied");
  writeFileSync(program, "old");
  chmodSync(program, 0o755);
  saveFiles({ folder: saved, files: [program] });
  writeFileSync(program, "new, in place");
  restoreFiles(saved);
  assert.equal(readFileSync(program, "utf8"), "old");
  assert.equal(statSync(program).mode & 0o777, 0o755);
});
