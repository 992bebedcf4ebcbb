/** Files that were taken and are left where they are (04 P19): none is sent again while it is as it was. */
import assert from "node:assert/strict";
import { linkSync, mkdirSync, rmSync, utimesSync } from "node:fs";
import { test } from "node:test";
import { folderFault } from "#agent/folders/faults.ts";
import { Folder } from "#agent/folders/folder.ts";
import { DropFolder, namesOf } from "#test/support/drop-folder.ts";

test("[P19] one that has a second name for a moment, or cannot be looked at, is the same file afterwards", () => {
  using folder = new DropFolder({ claimBy: "row" });
  const claimed = folder.taken("a.hl7");
  linkSync(folder.at("drop", "a.hl7"), folder.at("drop", "b.hl7"));
  assert.deepEqual(folder.poll().leftGone, []);
  rmSync(folder.at("drop", "b.hl7"));
  assert.deepEqual(folder.complete(), []);
  const { look } = Folder.prototype;
  try {
    Folder.prototype.look = () => {
      throw folderFault("drop", "look", { code: "EHOSTDOWN" });
    };
    const { leftGone, troubles } = folder.poll();
    assert.deepEqual([leftGone, troubles.unreadable?.count], [[], 1]);
  } finally {
    Folder.prototype.look = look;
  }
  assert.deepEqual(folder.complete(), []);
  rmSync(folder.at("drop", "a.hl7"));
  assert.deepEqual(folder.poll().leftGone, [claimed.claim]);
});

test("[P19] those that there is no room to track are left files still, and take no room from others", () => {
  using folder = new DropFolder({ claimBy: "row", trackedMaxCount: 10, maxFilesPerPoll: 10 });
  const [claims, gone] = [new Set<string>(), new Set<string>()];
  for (let at = 0; at < 40; at++) folder.drop(`${at}.hl7`);
  for (let polls = 0; polls < 30; polls++) {
    const { candidates, leftGone } = folder.poll();
    for (const { claim } of folder.claim(candidates)) claims.add(claim);
    for (const claim of leftGone) gone.add(claim);
    folder.clock.advance(5_000);
  }
  assert.deepEqual([claims.size, gone.size], [40, 0]);
});

test("[P19, P8, P44] what belongs to a file may be touched or go: its data is not sent again", () => {
  using folder = new DropFolder({
    ...{ claimBy: "row", completion: "controlFile", sidecar: "json" },
  });
  for (const name of ["x.json", "x.pdf.ok"]) folder.drop(name, "{}");
  const claimed = folder.taken("x.pdf");
  assert.equal(claimed.files.length, 3);
  for (const name of ["x.json", "x.pdf.ok"]) utimesSync(folder.at("drop", name), 1, 1);
  assert.deepEqual(folder.poll().leftGone, []);
  assert.deepEqual(folder.complete(), []);
  for (const name of ["x.json", "x.pdf.ok"]) rmSync(folder.at("drop", name));
  assert.deepEqual(folder.poll().leftGone, []);
  folder.drop("x.pdf.ok", "");
  folder.drop("x.json", "{}");
  assert.deepEqual(folder.complete(), []);
  rmSync(folder.at("drop", "x.pdf"));
  assert.deepEqual(folder.poll().leftGone, [claimed.claim]);
});

test("[P15, P19] a subfolder that may not be read keeps nobody from the others, and what was left in it is not gone", () => {
  using folder = new DropFolder({ claimBy: "row", recursive: true });
  mkdirSync(folder.at("drop", "closed"));
  const claimed = folder.taken("closed/a.hl7");
  const { sub } = Folder.prototype;
  try {
    Folder.prototype.sub = function (name) {
      if (name === "closed") throw folderFault("drop", "open", { code: "EACCES" });
      return sub.call(this, name);
    };
    folder.drop("b.hl7");
    const { leftGone, fileCount, untrackedCount } = folder.poll();
    assert.deepEqual([leftGone, fileCount, untrackedCount], [[], 2, 1]);
    assert.deepEqual(namesOf(folder.complete()), ["b.hl7"]);
  } finally {
    Folder.prototype.sub = sub;
  }
  assert.deepEqual(namesOf(folder.complete()), ["b.hl7"]);
  rmSync(folder.at("drop", "closed/a.hl7"));
  assert.deepEqual(folder.poll().leftGone, [claimed.claim]);
});
