/** The receiver's unit, as systemd itself reads and judges it (09 section 3). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "#installer/root.ts";

const UNIT = "holdfast-receiver.service";
const UNITS = "usr/lib/systemd/system";
/** What the unit names. */
const TARGETS = ["network-online", "time-sync", "multi-user", "sysinit", "basic", "shutdown"];
/** Tenths, as systemd-analyze takes it: 1.5 at most (08 H01). */
const EXPOSURE_MAX = 15;

const { status: analyze } = spawnSync("systemd-analyze", ["--version"]);
const skip = analyze === 0 ? false : "not tested: the receiver's unit; systemd is not installed";

/** A root with the unit, what it names, and a program that is executable. */
class UnitRoot implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-unit-"));

  constructor() {
    const bin = join(this.path, "opt/holdfast-receiver/bin");
    for (const folder of [bin, join(this.path, UNITS)]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(bin, "holdfast-receiver"), "#!/bin/sh\n", { mode: 0o755 });
    for (const name of TARGETS) {
      cpSync(`/${UNITS}/${name}.target`, join(this.path, UNITS, `${name}.target`));
    }
    cpSync(join(ROOT, "installer/linux", UNIT), join(this.path, UNITS, UNIT));
  }

  dropIn(text: string): void {
    const folder = join(this.path, "etc/systemd/system", `${UNIT}.d`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "site.conf"), text);
  }

  analyze(...args: readonly string[]) {
    const all = [...args, `--root=${this.path}`, UNIT];
    const { status, stdout, stderr } = spawnSync("systemd-analyze", all, { encoding: "utf8" });
    return { status, said: stdout + stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The blocks of docs/receiver.md that are drop-ins of the unit. */
function dropIns(): readonly string[] {
  const page = readFileSync(join(ROOT, "docs/receiver.md"), "utf8");
  return [...page.matchAll(/```ini\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
}

test("[09 3] the receiver's unit is read without a word, and its exposure is 1.5 at most", {
  skip,
}, () => {
  using root = new UnitRoot();
  assert.deepEqual(root.analyze("verify"), { status: 0, said: "" });
  const judged = root.analyze("security", "--offline=true", `--threshold=${EXPOSURE_MAX}`);
  assert.equal(judged.status, 0, judged.said);
});

test("[09 3] so is each drop-in that docs/receiver.md has", { skip }, () => {
  const all = dropIns();
  assert.ok(all.length >= 3);
  for (const text of all) {
    using root = new UnitRoot();
    root.dropIn(text);
    assert.deepEqual(root.analyze("verify"), { status: 0, said: "" }, text);
    const judged = root.analyze("security", "--offline=true", `--threshold=${EXPOSURE_MAX}`);
    assert.equal(judged.status, 0, `${text}\n${judged.said}`);
  }
});
