import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readLastGood, writeLastGood } from "#agent/marks/last-good.ts";
import { type Marks, NO_MARKS } from "#agent/marks/marks.ts";
import { MarksFiles } from "#agent/marks/marks-files.ts";
import { newDeviceKey } from "#test/support/test-trust.ts";

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-marks-"));
  readonly a = join(this.path, "trust/marks-a");
  readonly b = join(this.path, "trust/marks-b");

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const marksOf = (seqHigh: number): Marks => ({ ...NO_MARKS, epoch: 1, seqHigh });
const KEY = newDeviceKey();

function seqHighIn(folder: Folder, key = KEY): number | string {
  const { found } = MarksFiles.open(folder.path, key);
  return found.kind === "good" ? found.marks.seqHigh : found.kind;
}

describe("files of marks", () => {
  test("[U22] are written in turn, private, and the newer one counts", async () => {
    using folder = new Folder();
    assert.equal(seqHighIn(folder), "absent");
    const files = MarksFiles.open(folder.path, KEY);
    for (const seqHigh of [1, 2, 3]) {
      await files.write(marksOf(seqHigh));
      assert.equal(seqHighIn(folder), seqHigh);
    }
    const [older, newer] = [folder.a, folder.b].map((file) => readFileSync(file, "utf8"));
    assert.match(older ?? "", /"counter":2/);
    assert.match(newer ?? "", /"counter":3/);
    assert.equal(statSync(folder.a).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder.path, "trust")).mode & 0o777, 0o700);
    // The next run goes on with the older one.
    await MarksFiles.open(folder.path, KEY).write(marksOf(4));
    assert.match(readFileSync(folder.a, "utf8"), /"counter":4/);
  });

  test("[U22] cut at any byte, or with a bit flipped, the other one counts", async () => {
    using folder = new Folder();
    const files = MarksFiles.open(folder.path, KEY);
    await files.write(marksOf(1));
    await files.write(marksOf(2));
    const newest = readFileSync(folder.a);
    // What is cut off at the very end is padding of base64.
    for (let length = 0; length < newest.length - 4; length++) {
      writeFileSync(folder.a, newest.subarray(0, length));
      assert.equal(seqHighIn(folder), 1, `cut at ${length}`);
    }
    for (let at = 0; at < newest.length - 1; at++) {
      const flipped = Buffer.from(newest);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      writeFileSync(folder.a, flipped);
      // The last characters of base64 may say the same in two ways.
      const found = seqHighIn(folder);
      assert.ok(found === 1 || at >= newest.length - 4, `bit of ${at}`);
    }
    writeFileSync(folder.a, "");
    writeFileSync(folder.b, "");
    assert.equal(seqHighIn(folder), "damaged");
  });

  test("[U22] are flushed before they are said to be written", async () => {
    using folder = new Folder();
    const { open } = await import("node:fs/promises");
    const probe = await open(join(folder.path, "probe"), "w");
    const handles = Object.getPrototypeOf(probe) as { sync: () => Promise<void> };
    await probe.close();
    const { sync } = handles;
    const seen: string[] = [];
    handles.sync = async function (this: typeof probe) {
      seen.push((await this.stat()).size > 0 ? "flushed whole" : "flushed empty");
      await sync.call(this);
    };
    try {
      await MarksFiles.open(folder.path, KEY).write(marksOf(1));
    } finally {
      handles.sync = sync;
    }
    assert.deepEqual(seen, ["flushed whole"]);
  });

  test("[U22] of another device are none", async () => {
    using folder = new Folder();
    await MarksFiles.open(folder.path, newDeviceKey()).write(marksOf(9));
    assert.equal(seqHighIn(folder), "damaged");
  });

  test("[U22] whoever comes while one is written shares the next write, and none goes back", async () => {
    using folder = new Folder();
    const files = MarksFiles.open(folder.path, KEY);
    await Promise.all(Array.from({ length: 50 }, (_, index) => files.write(marksOf(index + 1))));
    assert.equal(seqHighIn(folder), 50);
    const { found } = MarksFiles.open(folder.path, KEY);
    assert.ok(found.kind === "good" && found.counter <= 2);
  });

  test("[U22] a write that fails leaves the other file, and the next one tries the same again", async () => {
    using folder = new Folder();
    const files = MarksFiles.open(folder.path, KEY);
    await files.write(marksOf(1));
    // Counter 2 is due in marks-a: a folder stands there.
    const { mkdirSync } = await import("node:fs");
    mkdirSync(folder.a);
    await assert.rejects(files.write(marksOf(2)), { code: "EISDIR" });
    assert.equal(seqHighIn(folder), 1);
    rmSync(folder.a, { recursive: true });
    await files.write(marksOf(3));
    assert.equal(seqHighIn(folder), 3);
    assert.match(readFileSync(folder.a, "utf8"), /"counter":2/);
  });
});

describe("last-good", () => {
  test("[U22] is replaced as a whole, and is no link, no folder, nothing too large", async () => {
    using folder = new Folder();
    assert.equal(readLastGood(folder.path), "absent");
    writeLastGood(folder.path, Buffer.from("one"));
    writeLastGood(folder.path, Buffer.from("two"));
    assert.deepEqual(readLastGood(folder.path), new Uint8Array(Buffer.from("two")));
    const { mkdirSync, renameSync, symlinkSync } = await import("node:fs");
    const file = join(folder.path, "trust/last-good");
    renameSync(file, `${file}-elsewhere`);
    symlinkSync(`${file}-elsewhere`, file);
    assert.equal(readLastGood(folder.path), "unreadable");
    rmSync(file);
    mkdirSync(file);
    assert.equal(readLastGood(folder.path), "unreadable");
    rmSync(file, { recursive: true });
    writeFileSync(file, new Uint8Array(5 * 1_048_576 + 1));
    assert.equal(readLastGood(folder.path), "unreadable");
    assert.throws(() => writeLastGood(folder.path, new Uint8Array(6 << 20)), RangeError);
  });
});
