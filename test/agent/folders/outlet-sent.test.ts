/** What became of files that went out: copies, files that nobody takes, the folder test (04 P3, P30, P58). @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { FolderFinding } from "#agent/folders/messages.ts";
import type { OutletSettings } from "#agent/folders/outlet-messages.ts";
import { outletMethods } from "#agent/folders/outlet-methods.ts";
import { systemClock } from "#agent/host/clock.ts";
import {
  faultOf,
  MESSAGE,
  modeOf,
  suffixOf,
  TargetFolder,
  writeWhole,
} from "#test/support/target-folder.ts";

const testOf = (settings: OutletSettings): readonly FolderFinding[] => {
  const voice = { touched: () => {}, hint: () => {} };
  return outletMethods({ clock: systemClock, voice }).outletTest(settings);
};

describe("copies of what was sent", () => {
  test("[P58, P33] a copy lies in the folder of its day, made before the file has its name", () => {
    using target = new TargetFolder();
    const outlet = target.open({ sentFolder: target.sent }, (step) => {
      if (step === "keepCopy") assert.deepEqual(target.names, ["holdfast_orders_42.tmp"]);
    });
    writeWhole(outlet, MESSAGE, { sentAtMs: Date.UTC(2026, 11, 31, 23, 59, 59, 999) }, 4);
    const day = join(target.sent, "2026/12/31");
    assert.equal(readFileSync(join(day, "order_3-7.hl7"), "latin1"), MESSAGE);
    for (const folder of [join(target.sent, "2026"), join(target.sent, "2026/12"), day]) {
      assert.equal(modeOf(folder), 0o750);
    }
    assert.equal(modeOf(join(day, "order_3-7.hl7")), 0o640);
    // Another file, not another name of it: a reader may write to what it takes.
    assert.notEqual(
      lstatSync(join(day, "order_3-7.hl7")).ino,
      lstatSync(target.path("order_3-7.hl7")).ino,
    );
  });

  test("[P33] folders that the agent makes have exactly the mode that is configured, whatever its mask", () => {
    using target = new TargetFolder();
    const before = process.umask(0o077);
    try {
      writeWhole(target.open({ sentFolder: target.sent, folderMode: 0o775 }), MESSAGE);
    } finally {
      process.umask(before);
    }
    for (const folder of ["", "2026", "2026/11", "2026/11/26"]) {
      assert.equal(modeOf(join(target.sent, folder)), 0o775, folder);
    }
  });

  test("[P2, P47] a folder for copies is made beside the target alone: elsewhere a share may not be mounted", () => {
    using target = new TargetFolder();
    const elsewhere = join(target.root, "share/sent");
    for (const folders of [{ sentFolder: elsewhere }, { tempFolder: elsewhere }]) {
      const role = "sentFolder" in folders ? "sent" : "temp";
      assert.equal(
        faultOf(() => target.open(folders)),
        `FOLDER_FAILED step=open folder=${role} sysCode=ENOENT`,
      );
    }
    // Nor where its parent is there.
    mkdirSync(join(target.root, "share"));
    faultOf(() => target.open({ sentFolder: elsewhere }));
    assert.deepEqual(readdirSync(join(target.root, "share")), []);
    mkdirSync(elsewhere);
    writeWhole(target.open({ sentFolder: elsewhere }), MESSAGE);
    assert.deepEqual(readdirSync(elsewhere), ["2026"]);
  });

  test("[P58] a copy of the same name is kept beside the first; the same message is kept once", () => {
    using target = new TargetFolder();
    const outlet = target.open({ sentFolder: target.sent });
    const one = { key: 1, name: "x.hl7", id: undefined };
    writeWhole(outlet, "A", one);
    rmSync(target.path("x.hl7"));
    writeWhole(outlet, "A", one);
    rmSync(target.path("x.hl7"));
    writeWhole(outlet, "B", { ...one, key: 2 });
    const names = readdirSync(join(target.sent, "2026/11/26")).sort();
    assert.deepEqual(names, ["x.hl7", `x${suffixOf("B")}.hl7`]);
  });

  test("[P58] where a copy cannot be kept nothing is published", () => {
    using target = new TargetFolder();
    const outlet = target.open({ sentFolder: target.sent });
    writeFileSync(join(target.sent, "2026"), "in the way");
    assert.match(
      faultOf(() => writeWhole(outlet, MESSAGE)),
      /^FOLDER_FAILED step=\w+ folder=sent sysCode=ENOTDIR$/,
    );
    assert.deepEqual(target.names, []);
    assert.deepEqual(readdirSync(target.sent), ["2026"]);
  });

  test("[P30] days that are over go, with the folders that become empty; nothing else does", () => {
    using target = new TargetFolder();
    const outlet = target.open({ sentFolder: target.sent });
    const days = ["2025/12/31", "2026/10/01", "2026/10/02", "2026/10/03"];
    for (const day of days) {
      mkdirSync(join(target.sent, day), { recursive: true });
      for (const name of ["a", "b"]) writeFileSync(join(target.sent, day, name), "12345");
    }
    const outside = join(target.root, "outside");
    mkdirSync(join(outside, "01"), { recursive: true });
    writeFileSync(join(outside, "01/a"), "stays");
    symlinkSync(outside, join(target.sent, "2026/09"));
    symlinkSync(join(outside, "01"), join(target.sent, "2026/10/00"));
    symlinkSync(join(outside, "01/a"), join(target.sent, "2026/10/01/link"));
    mkdirSync(join(target.sent, "2026/10/02/folder"));
    writeFileSync(join(target.sent, "note"), "stays");
    const { deleted, more } = outlet.prune(Date.UTC(2026, 9, 3));
    assert.deepEqual([deleted, more], [6, false]);
    assert.deepEqual(readdirSync(target.sent).sort(), ["2026", "note"]);
    assert.deepEqual(readdirSync(join(target.sent, "2026/10")).sort(), ["00", "01", "02", "03"]);
    // What is no file of ours stays, with its day.
    assert.deepEqual(readdirSync(join(target.sent, "2026/10/01")), ["link"]);
    assert.equal(readFileSync(join(outside, "01/a"), "latin1"), "stays");
    assert.deepEqual(readdirSync(join(target.sent, "2026/10/03")), ["a", "b"]);
  });

  test("[P30] a step deletes a bounded number, and says that there is more", () => {
    using target = new TargetFolder();
    const outlet = target.open({ sentFolder: target.sent });
    const day = join(target.sent, "2026/01/01");
    mkdirSync(day, { recursive: true });
    for (let index = 0; index < 1_500; index++) writeFileSync(join(day, `f${index}`), "x");
    const before = Date.UTC(2026, 1, 1);
    assert.deepEqual(outlet.prune(before), { deleted: 1_000, bytes: 1_000, more: true });
    assert.deepEqual(outlet.prune(before), { deleted: 500, bytes: 500, more: false });
    assert.deepEqual(readdirSync(target.sent), []);
  });
});

describe("files that nobody takes", () => {
  const ownNames = "^order_\\d+-\\d+\\.hl7$";

  test("[P58] those that lie there for too long are counted, until they are taken; what others put there is not", () => {
    using target = new TargetFolder();
    let nowMs = 1_000_000;
    const clock = { ...FROZEN, monotonicMs: () => nowMs };
    const outlet = target.open({ ownNames }, () => {}, clock);
    writeWhole(outlet, MESSAGE);
    writeFileSync(target.path("others.hl7"), "x");
    assert.deepEqual(outlet.uncollected(60_000), { count: 0, oldestMs: 0 });
    nowMs += 60_000;
    writeWhole(outlet, "B", { key: 43, name: "order_3-8.hl7", id: "3-8" });
    assert.deepEqual(outlet.uncollected(60_000), { count: 1, oldestMs: 60_000 });
    nowMs += 60_000;
    assert.deepEqual(outlet.uncollected(60_000), { count: 2, oldestMs: 120_000 });
    rmSync(target.path("order_3-7.hl7"));
    assert.deepEqual(outlet.uncollected(60_000), { count: 1, oldestMs: 60_000 });
    rmSync(target.path("order_3-8.hl7"));
    assert.deepEqual(outlet.uncollected(60_000), { count: 0, oldestMs: 0 });
  });

  test("[P58] after a restart they are known again by their names", () => {
    using target = new TargetFolder();
    writeWhole(target.open({ ownNames }), MESSAGE);
    const aged = new Date(Date.now() - 3_600_000);
    spawnSync("touch", ["-d", aged.toISOString(), target.path("order_3-7.hl7")]);
    writeFileSync(target.path("others.hl7"), "x");
    mkdirSync(target.path("order_1-1.hl7"));
    const { count, oldestMs } = target.open({ ownNames }).uncollected(60_000);
    assert.equal(count, 1);
    assert.ok(oldestMs >= 3_600_000);
  });
});

const FROZEN = {
  nowMs: () => Date.now(),
  monotonicMs: () => 0,
  after: () => ({ refresh: () => {}, [Symbol.dispose]: () => {} }),
};

describe("the folder test", () => {
  test("[P3] each folder is tried with every step; nothing is left there, and what is in hand is left alone", () => {
    using target = new TargetFolder();
    const tempFolder = join(target.root, "temp");
    const settings = target.settings({ tempFolder, sentFolder: target.sent });
    target.open(settings);
    writeFileSync(join(tempFolder, "holdfast_orders_42.tmp"), "in hand");
    const findings = testOf(settings);
    assert.deepEqual(
      [...new Set(findings.map(({ folder }) => folder))],
      ["target", "temp", "sent"],
    );
    assert.ok(findings.every(({ sysCode }) => sysCode === undefined));
    const left = [target.folder, tempFolder, target.sent].flatMap((folder) => readdirSync(folder));
    assert.deepEqual(left, ["holdfast_orders_42.tmp"]);
  });

  test("[P3] the step that fails is named, and a folder that is missing is not made", () => {
    using target = new TargetFolder();
    const failed = testOf(target.settings({ sentFolder: target.sent })).filter(
      ({ sysCode }) => sysCode !== undefined,
    );
    assert.deepEqual(failed, [
      { folder: "sent", step: "exists", sysCode: "ENOENT", warning: undefined },
    ]);
    assert.deepEqual(readdirSync(target.root), ["out"]);
  });
});
