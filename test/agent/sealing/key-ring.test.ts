import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { unwrapKey } from "#agent/sealing/key-file.ts";
import type { KeyRing } from "#agent/sealing/key-ring.ts";
import type { SealPlace } from "#agent/sealing/seal-place.ts";
import { Sealer } from "#agent/sealing/sealer.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { observe } from "./file-calls.ts";
import { atOnce, SealingFolder } from "./sealing-folder.ts";

const PLACE: SealPlace = { column: "segment.bytes", channel: 1, row: 1 };
const GIB = 2 ** 30;
const DAY_MS = 24 * 3_600_000;
const OTHER_KEK = { current: new Uint8Array(randomBytes(32)) };

const modeOf = (path: string): number => statSync(path).mode & 0o777;

/** Makes so many key epochs. */
function epochs(ring: KeyRing, count: number): void {
  for (let made = 0; made < count; made++) {
    ring.renew();
    ring.use(1);
  }
}

describe("key ring", () => {
  test("[S21] key files are of mode 0400 in a folder of mode 0700, whatever umask there is", () => {
    using folder = new SealingFolder();
    const umask = process.umask(0);
    try {
      folder.ring().use(1);
    } finally {
      process.umask(umask);
    }
    assert.deepEqual(folder.keyNames(), ["1.key", "index.key"]);
    for (const name of folder.keyNames()) assert.equal(modeOf(folder.keyFile(name)), 0o400);
    assert.equal(modeOf(folder.keys), 0o700);
  });

  test("[S21] no key stands in a key file as it is", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    const keys = [ring.indexKey, ring.use(1).key].map((key) => key.export().subarray(0, 8));
    keys.push(Buffer.from(folder.kek.current).subarray(0, 8));
    for (const name of folder.keyNames()) {
      const file = readFileSync(folder.keyFile(name));
      for (const key of keys) assert.ok(!file.includes(key));
    }
  });

  test("[S10] a key and its name are flushed before use gives it out", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    const { calls } = observe(() => {
      const { epoch, key } = ring.use(1);
      assert.ok(folder.ring().keyOf(epoch)?.equals(key), "another program could open it now");
    });
    const until = calls.indexOf("fsync keys");
    assert.deepEqual(calls.slice(0, until + 1), [
      "rm 1.key.new",
      "open 1.key.new",
      "write 1.key.new",
      "fsync 1.key.new",
      "rename 1.key.new",
      "open keys",
      "fsync keys",
    ]);
    assert.deepEqual(observe(() => ring.use(1)).calls, [], "and is not touched again");
  });

  test("[S10] a key whose file could not be flushed is not given out, nor is its number again", () => {
    for (let dieAt = 0; ; dieAt++) {
      using folder = new SealingFolder();
      const ring = folder.ring();
      if (!observe(() => ring.use(1), dieAt).killed) break;
      assert.equal(ring.keyOf(1), undefined);
      const { epoch, key } = ring.use(1);
      assert.equal(epoch, 2, "as after a disk that was full");
      assert.ok(folder.ring().keyOf(epoch)?.equals(key));
    }
  });

  test("[S21] opening makes no data key: the first use does", () => {
    using folder = new SealingFolder();
    folder.ring();
    folder.ring();
    assert.deepEqual(folder.keyNames(), ["index.key"]);
    assert.equal(folder.ring().use(1).epoch, 1);
    assert.equal(
      folder.ring().use(1).epoch,
      2,
      "what the first sealed after its start is not known",
    );
  });

  test("[S21] a key epoch ends after 1 GiB, counted before it is sealed", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    assert.equal(ring.use(GIB - 100).epoch, 1);
    assert.equal(ring.use(100).epoch, 1);
    assert.equal(ring.use(1).epoch, 2);
    assert.equal(ring.use(GIB - 1).epoch, 2);
    assert.equal(ring.use(1).epoch, 3);
  });

  test("[S21] a sealer counts whole envelopes, so that empty values end a key epoch, too", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    const sealer = new Sealer(ring, folder.storeId);
    ring.use(GIB - 2 * 33);
    const seal = (): number => Sealer.keyEpochOf(sealer.seal([], PLACE));
    assert.deepEqual([seal(), seal(), seal()], [1, 1, 2]);
  });

  test("[S21] a key epoch ends after one day, and when the clock is set back", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    assert.equal(ring.use(1).epoch, 1);
    folder.clock.advance(DAY_MS - 1);
    assert.equal(ring.use(1).epoch, 1);
    folder.clock.advance(1);
    assert.equal(ring.use(1).epoch, 2);
    folder.clock.advance(-60_000);
    assert.equal(ring.use(1).epoch, 3);
    assert.equal(ring.use(1).epoch, 3);
  });

  test("[S21] a key epoch ends when it is renewed", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    assert.deepEqual([ring.use(1).epoch, ring.use(1).epoch], [1, 1]);
    ring.renew();
    ring.renew();
    assert.deepEqual([ring.use(1).epoch, ring.use(1).epoch], [2, 2]);
  });

  test("[R05] what was sealed in a deleted key epoch does not open, now nor after a restart", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    const sealer = new Sealer(ring, folder.storeId);
    const envelopes = [1, 2, 3, 4].map(() => {
      ring.renew();
      return sealer.seal([Buffer.from("body")], PLACE);
    });
    const copy = folder.keyFile("2.key.new");
    copyFileSync(folder.keyFile("2.key"), copy);
    assert.deepEqual(ring.deleteBefore(3), [1, 2]);
    assert.deepEqual(folder.keyNames(), ["3.key", "4.key", "index.key"]);
    for (const opener of [sealer, folder.sealer()]) {
      const opened = envelopes.map((envelope) => opener.open(envelope, PLACE)?.toString());
      assert.deepEqual(opened, [undefined, undefined, "body", "body"]);
    }
    assert.deepEqual(ring.deleteBefore(3), [], "nothing is left to delete");
  });

  test("[R05] the deletion is flushed", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 2);
    const { calls } = observe(() => ring.deleteBefore(2));
    assert.deepEqual(calls, ["rm 1.key.new", "rm 1.key", "open keys", "fsync keys"]);
  });

  test("[R05] the key in use is never deleted", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 3);
    folder.clock.advance(2 * DAY_MS);
    assert.deepEqual(ring.deleteBefore(Number.POSITIVE_INFINITY), [1, 2]);
    assert.ok(ring.keyOf(3));
    assert.deepEqual(folder.keyNames(), ["3.key", "index.key"]);
  });

  test("[R05] where every key goes, the next one is made first: no number is given out twice", () => {
    using folder = new SealingFolder();
    epochs(folder.ring(), 3);
    const ring = folder.ring();
    const { calls } = observe(() => {
      assert.deepEqual(ring.deleteBefore(Number.POSITIVE_INFINITY), [1, 2, 3]);
    });
    assert.ok(calls.indexOf("fsync keys") < calls.indexOf("rm 1.key"), calls.join(", "));
    assert.deepEqual(folder.keyNames(), ["4.key", "index.key"]);
    assert.equal(ring.use(1).epoch, 4);
    assert.equal(folder.ring().use(1).epoch, 5);
  });

  test("[R05] every key goes also after one that could not be written", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 2);
    ring.renew();
    assert.ok(observe(() => ring.use(1), 0).killed);
    assert.deepEqual(ring.deleteBefore(Number.POSITIVE_INFINITY), [1, 2]);
    assert.deepEqual(folder.keyNames(), ["4.key", "index.key"]);
  });

  test("[R06] with a wrong KEK nothing opens, and nothing is changed", () => {
    using folder = new SealingFolder();
    folder.ring().use(1);
    const before = folder.keyNames().map((name) => readFileSync(folder.keyFile(name)));
    for (const isNewStore of [true, false]) {
      assert.throws(() => folder.ring({ kek: OTHER_KEK, isNewStore }), {
        code: "KEK_WRONG",
      });
    }
    const after = folder.keyNames().map((name) => readFileSync(folder.keyFile(name)));
    assert.deepEqual(after, before);
  });

  test("[R06] one key file by a KEK that is gone is told by its number", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 2);
    const kept = readFileSync(folder.keyFile("2.key"));
    atOnce(ring.rewrap(OTHER_KEK.current));
    rmSync(folder.keyFile("2.key"));
    writeFileSync(folder.keyFile("2.key"), kept);
    const { current } = folder.kek;
    assert.throws(() => folder.ring({ kek: OTHER_KEK }), {
      code: "KEK_WRONG",
      facts: { keyEpoch: 2 },
    });
    folder.ring({ kek: { ...OTHER_KEK, previous: current } });
    folder.ring({ kek: { current, previous: OTHER_KEK.current } });
  });

  test("[R08] keys of another store do not open", () => {
    using folder = new SealingFolder();
    folder.ring().use(1);
    assert.throws(() => folder.ring({ storeId: new Uint8Array(16) }), { code: "KEY_FILE_DAMAGED" });
  });

  test("[S21] a missing index key is made for a new store alone", () => {
    using folder = new SealingFolder();
    const missing = { code: "KEY_FILE_DAMAGED", facts: { keyEpoch: 0 } };
    assert.throws(() => folder.ring({ isNewStore: false }), missing);
    const ring = folder.ring();
    const token = new Sealer(ring, folder.storeId).token(1, Buffer.of(1));
    const again = folder.sealer({ isNewStore: true });
    assert.ok(again.token(1, Buffer.of(1)).equals(token), "one that is there is used");
    ring.use(1);
    rmSync(folder.keyFile("index.key"));
    for (const isNewStore of [false, true]) {
      assert.throws(() => folder.ring({ isNewStore }), missing, "data keys: it is no new store");
    }
    assert.deepEqual(folder.keyNames(), ["1.key"]);
  });

  test("[S21] a damaged key file is told by its number", () => {
    for (const [name, keyEpoch] of [
      ["index.key", 0],
      ["1.key", 1],
      ["12.key", 12],
    ] as const) {
      using folder = new SealingFolder();
      epochs(folder.ring(), 12);
      const file = folder.keyFile(name);
      const bytes = readFileSync(file);
      bytes[60] = (bytes[60] ?? 0) ^ 1;
      for (const content of [bytes, bytes.subarray(0, 40), Buffer.alloc(0)]) {
        rmSync(file);
        writeFileSync(file, content);
        assert.throws(() => folder.ring(), { code: "KEY_FILE_DAMAGED", facts: { keyEpoch } });
      }
    }
  });

  test("[S10] what a crash left is swept, what belongs to somebody else is not", () => {
    using folder = new SealingFolder();
    folder.ring().use(1);
    for (const name of ["1.key.new", "7.key.new", "index.key.new"]) {
      writeFileSync(folder.keyFile(name), "half of a k");
    }
    for (const name of ["notes.txt", "0.key", "01.key", "1.key.bak", "99999999999.key"]) {
      writeFileSync(folder.keyFile(name), "");
    }
    assert.equal(folder.ring().use(1).epoch, 2);
    assert.deepEqual(folder.keyNames(), [
      "0.key",
      "01.key",
      "1.key",
      "1.key.bak",
      "2.key",
      "99999999999.key",
      "index.key",
      "notes.txt",
    ]);
  });

  test("[S10] a disk that is full gives no key out, and what is sealed opens still", (t) => {
    const disk = SmallDisk.make(4 << 20);
    if (typeof disk === "string") return t.skip(disk);
    using _ = disk;
    using folder = new SealingFolder();
    const keys = `${disk.path}/keys`;
    const ring = folder.ring({ folder: keys });
    const sealer = new Sealer(ring, folder.storeId);
    const envelope = sealer.seal([Buffer.from("body")], PLACE);
    disk.fill();
    ring.renew();
    assert.throws(() => sealer.seal([], PLACE), { code: "ENOSPC" });
    assert.equal(sealer.open(envelope, PLACE)?.toString(), "body");
    disk.free();
    assert.ok(sealer.open(sealer.seal([], PLACE), PLACE));
    folder.ring({ folder: keys });
  });

  test("[R06] rewrapping leaves the keys as they are, and opens with the new KEK alone", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 3);
    const sealer = new Sealer(ring, folder.storeId);
    const envelope = sealer.seal([Buffer.from("body")], PLACE);
    const token = sealer.token(1, Buffer.from("C1"));
    atOnce(ring.rewrap(OTHER_KEK.current));
    for (const name of folder.keyNames()) assert.equal(modeOf(folder.keyFile(name)), 0o400);
    assert.throws(() => folder.ring(), { code: "KEK_WRONG" });
    const after = folder.sealer({ kek: OTHER_KEK });
    assert.equal(after.open(envelope, PLACE)?.toString(), "body");
    assert.ok(after.token(1, Buffer.from("C1")).equals(token));
    epochs(ring, 1);
    assert.ok(folder.ring({ kek: OTHER_KEK }).keyOf(4), "the ring goes on with the new one");
    assert.throws(() => atOnce(ring.rewrap(new Uint8Array(31))), RangeError);
  });

  test("[R06] between two steps a key may be made, which has the new KEK, or deleted, and stays away", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 3);
    const steps = ring.rewrap(OTHER_KEK.current);
    steps.next();
    epochs(ring, 1);
    assert.deepEqual(ring.deleteBefore(2), [1]);
    atOnce(steps);
    assert.deepEqual(folder.keyNames(), ["2.key", "3.key", "4.key", "index.key"]);
    const after = folder.ring({ kek: OTHER_KEK });
    for (const epoch of [2, 3, 4]) assert.ok(after.keyOf(epoch), `key ${epoch}`);
  });

  test("[R06] rewrapping keeps when a key was made", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    ring.use(1);
    const madeAtMs = folder.clock.nowMs();
    folder.clock.advance(1_000);
    atOnce(ring.rewrap(OTHER_KEK.current));
    const file = readFileSync(folder.keyFile("1.key"));
    const result = unwrapKey(file, 1, [OTHER_KEK.current], folder.storeId);
    assert.ok(result.outcome === "opened");
    assert.equal(result.key.madeAtMs, madeAtMs);
  });

  test("[R06] rewrapping says so if a key file is gone, or one is there that it does not know", () => {
    using folder = new SealingFolder();
    const ring = folder.ring();
    epochs(ring, 2);
    const stranger = readFileSync(folder.keyFile("2.key"));
    writeFileSync(folder.keyFile("5.key"), stranger);
    assert.throws(() => atOnce(ring.rewrap(OTHER_KEK.current)), { code: "KEY_FILE_DAMAGED" });
    rmSync(folder.keyFile("5.key"));
    atOnce(ring.rewrap(OTHER_KEK.current));
  });

  test("[S21] a folder that cannot be used is the operating system's error", () => {
    using folder = new SealingFolder();
    mkdirSync(dirname(folder.keys), { recursive: true });
    writeFileSync(folder.keys, "");
    assert.throws(() => folder.ring(), { code: /^(?:EEXIST|ENOTDIR)$/ });
  });
});
