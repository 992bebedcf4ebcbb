import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { createKek, loadKek } from "#agent/sealing/kek.ts";
import type { Kek, KeyRing } from "#agent/sealing/key-ring.ts";
import { rotateKek } from "#agent/sealing/rotate-kek.ts";
import { Sealer } from "#agent/sealing/sealer.ts";
import { observe } from "./file-calls.ts";
import { atOnce, SealingFolder } from "./sealing-folder.ts";

const BODY = Buffer.from("PID|||4711||M\u00fcller^Anna");

/** An agent's keys and KEK, with one envelope of each key epoch. */
class Rotating implements Disposable {
  readonly folder = new SealingFolder();
  readonly file = join(this.folder.path, "kek", "holdfast.kek");
  readonly envelopes: readonly Buffer[];
  readonly token: Buffer;

  constructor() {
    createKek(this.file);
    const ring = this.ring();
    const sealer = new Sealer(ring, this.folder.storeId);
    this.token = sealer.token(1, BODY);
    this.envelopes = [1, 2, 3].map((row) => {
      ring.renew();
      return sealer.seal([BODY], { column: "segment.bytes", channel: 1, row });
    });
  }

  kek(): Kek {
    return loadKek({ custody: "file", file: this.file }, join(this.folder.path, "state"));
  }

  /** As a start finds it. */
  ring(): KeyRing {
    return this.folder.ring({ kek: this.kek() });
  }

  rotate(): void {
    const ring = this.ring();
    atOnce(rotateKek(this.file, (kek) => ring.rewrap(kek)));
  }

  assertOpens(kek = this.kek(), what = ""): void {
    const { storeId } = this.folder;
    const sealer = new Sealer(this.folder.ring({ kek }), storeId);
    for (const [index, envelope] of this.envelopes.entries()) {
      const place = { column: "segment.bytes", channel: 1, row: index + 1 } as const;
      assert.ok(sealer.open(envelope, place)?.equals(BODY), what);
    }
    assert.ok(sealer.token(1, BODY).equals(this.token), what);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

describe("rotation of the KEK", () => {
  test("[R06] puts a new KEK in the place of the old, under which everything opens and nothing under the old", () => {
    using rotating = new Rotating();
    const old = rotating.kek();
    rotating.rotate();
    rotating.assertOpens();
    assert.notDeepEqual(rotating.kek().current, old.current);
    assert.throws(() => rotating.folder.ring({ kek: old }), { code: "KEK_WRONG" });
    assert.deepEqual(readdirSync(dirname(rotating.file)), ["holdfast.kek"]);
    assert.equal(lstatSync(rotating.file).mode & 0o777, 0o400);
    assert.ok(!readFileSync(rotating.file).includes(Buffer.from(old.current).toString("hex")));
  });

  test("[R06] with a KEK that was opened elsewhere (custody dpapi), what lies beside takes the old one's place; gone, nothing is wrapped by it", () => {
    using rotating = new Rotating();
    const opened = randomBytes(32);
    const ring = rotating.ring();
    const rotate = (): void => atOnce(rotateKek(rotating.file, (kek) => ring.rewrap(kek), opened));
    assert.throws(rotate, { code: "KEK_MISSING" });
    rotating.assertOpens();
    const next = `${rotating.file}.next`;
    writeFileSync(next, "wrapped by another system", { mode: 0o400 });
    rotate();
    assert.equal(readFileSync(rotating.file, "utf8"), "wrapped by another system");
    assert.ok(!existsSync(next));
    rotating.assertOpens({ current: opened });
  });

  test("[R06] cut at every step everything opens, and the next rotation completes it", () => {
    let cuts = 0;
    for (; ; cuts++) {
      using rotating = new Rotating();
      const old = rotating.kek();
      const at = `cut at ${cuts}`;
      const ring = rotating.ring();
      const rewrap = (kek: Uint8Array): Iterable<void> => ring.rewrap(kek);
      const seen = observe(() => atOnce(rotateKek(rotating.file, rewrap)), cuts);
      rotating.assertOpens(rotating.kek(), at);
      if (!seen.killed) break;
      // What such an agent seals meanwhile.
      const between = rotating.ring();
      const { epoch, key } = between.use(1);
      const begun = rotating.kek().previous;
      rotating.rotate();
      rotating.assertOpens(rotating.kek(), at);
      const { current, previous } = rotating.kek();
      assert.equal(previous, undefined, at);
      if (begun !== undefined) assert.deepEqual(current, begun, "with the KEK it had begun with");
      assert.ok(rotating.ring().keyOf(epoch)?.equals(key), at);
      assert.throws(() => rotating.folder.ring({ kek: old }), { code: "KEK_WRONG" }, at);
      assert.deepEqual(readdirSync(dirname(rotating.file)), ["holdfast.kek"]);
    }
    // The KEK, four key files, the KEK's name.
    assert.ok(cuts > 6 * 5, `${cuts} cuts`);
  });

  test("[R06] cut at every step, and again at every step of its completion", () => {
    for (let first = 0; ; first += 3) {
      for (let second = 0; ; second += 3) {
        using rotating = new Rotating();
        const ring = rotating.ring();
        const rewrap = (kek: Uint8Array): Iterable<void> => ring.rewrap(kek);
        if (!observe(() => atOnce(rotateKek(rotating.file, rewrap)), first).killed) return;
        const { killed } = observe(() => rotating.rotate(), second);
        rotating.assertOpens(rotating.kek(), `${first}, ${second}`);
        if (!killed) break;
      }
    }
  });

  test("[S10] the new KEK and its name are flushed before a key is wrapped by it, and every key before the old one goes", () => {
    using rotating = new Rotating();
    const ring = rotating.ring();
    const { calls } = observe(() => atOnce(rotateKek(rotating.file, (kek) => ring.rewrap(kek))));
    const at = (call: string): number => {
      assert.ok(calls.includes(call), call);
      return calls.indexOf(call);
    };
    assert.ok(at("fsync holdfast.kek.next.new") < at("rename holdfast.kek.next.new"));
    assert.ok(at("rename holdfast.kek.next.new") < at("fsync kek"));
    assert.ok(at("fsync kek") < at("open index.key.new"));
    const end = calls.lastIndexOf("rename holdfast.kek.next");
    assert.ok(calls.lastIndexOf("fsync keys") < end && end < calls.lastIndexOf("fsync kek"));
    for (const name of ["index", "1", "2", "3"]) assert.ok(at(`rename ${name}.key.new`) < end);
  });

  test("[S10] a KEK of an earlier attempt is flushed again: its name may never have been", () => {
    using rotating = new Rotating();
    assert.throws(() =>
      atOnce(
        rotateKek(rotating.file, () => {
          throw new Error("stop");
        }),
      ),
    );
    const seen = observe(() =>
      atOnce(rotateKek(rotating.file, (kek) => rotating.ring().rewrap(kek))),
    );
    const before = seen.calls.slice(0, seen.calls.indexOf("open index.key.new"));
    assert.ok(before.includes("fsync kek"), before.join(", "));
  });

  test("[R06] where rewrapping fails both KEKs stay", () => {
    using rotating = new Rotating();
    const failing = (): void =>
      atOnce(
        rotateKek(rotating.file, () => {
          throw new RangeError("no");
        }),
      );
    assert.throws(failing, RangeError);
    const { current, previous } = rotating.kek();
    assert.ok(previous !== undefined && !Buffer.from(previous).equals(current));
    assert.throws(failing, RangeError);
    assert.deepEqual(rotating.kek(), { current, previous }, "and no third one comes");
    rotating.assertOpens();
    rotating.rotate();
    assert.deepEqual(rotating.kek(), { current: previous });
  });

  test("[R06] without a KEK there is nothing to rotate, and none is made", () => {
    using rotating = new Rotating();
    const missing = join(rotating.folder.path, "absent", "holdfast.kek");
    const never = (): Iterable<void> => assert.fail("was asked to wrap");
    assert.throws(() => atOnce(rotateKek(missing, never)), { code: "KEK_MISSING" });
    assert.ok(!existsSync(`${missing}.next`));
    writeFileSync(`${rotating.file}.next`, "no KEK", { mode: 0o400 });
    assert.throws(() => atOnce(rotateKek(rotating.file, never)), { code: "KEK_MALFORMED" });
  });

  test("[R06] of a link the KEK is replaced, not the link", () => {
    using rotating = new Rotating();
    const link = join(rotating.folder.path, "link.kek");
    symlinkSync(rotating.file, link);
    const old = rotating.kek();
    const ring = rotating.ring();
    atOnce(rotateKek(link, (kek) => ring.rewrap(kek)));
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.notDeepEqual(rotating.kek(), old);
    rotating.assertOpens(loadKek({ custody: "file", file: link }, rotating.folder.keys));
  });
});
