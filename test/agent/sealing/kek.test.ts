import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createKek, loadKek, loadOwnKek } from "#agent/sealing/kek.ts";
import { KEK_BYTES } from "#agent/sealing/kek-file.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { wrapKekFile } from "#agent/sealing/wrapped-kek.ts";

class Custody implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-kek-"));
  readonly stateDir = join(this.path, "state");
  readonly folder = join(this.path, "kek");
  readonly file = join(this.folder, "holdfast.kek");

  load(file = this.file): Kek {
    return loadKek({ custody: "file", file }, this.stateDir);
  }

  /** As somebody put it there by hand. */
  put(content: string | Uint8Array, file = this.file): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    rmSync(file, { force: true });
    writeFileSync(file, content, { mode: 0o400 });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("KEK", () => {
  test("[S21] is made as a file of mode 0400 in a folder of mode 0700, never twice the same", () => {
    using custody = new Custody();
    createKek(custody.file);
    assert.deepEqual([modeOf(custody.folder), modeOf(custody.file)], [0o700, 0o400]);
    assert.match(readFileSync(custody.file, "utf8"), /^[0-9a-f]{64}\n$/);
    const { current, previous } = custody.load();
    assert.equal(current.length, KEK_BYTES);
    assert.equal(Buffer.from(current).toString("hex"), readFileSync(custody.file, "utf8").trim());
    assert.equal(previous, undefined);
    const other = join(custody.folder, "other.kek");
    createKek(other);
    assert.notDeepEqual(custody.load(other), custody.load());
  });

  test("[R06] is never overwritten", () => {
    using custody = new Custody();
    createKek(custody.file);
    const before = readFileSync(custody.file);
    assert.throws(() => createKek(custody.file), { code: "EEXIST" });
    assert.ok(readFileSync(custody.file).equals(before));
  });

  test("[08 2.2] custody dpapi is Windows's alone: elsewhere a file of any content ends with 78, and none is made", () => {
    using custody = new Custody();
    assert.throws(() => createKek(custody.file, "dpapi"), { code: "DPAPI_UNSUPPORTED", exit: 78 });
    assert.ok(!existsSync(custody.file));
    createKek(custody.file);
    const load = (): Kek => loadOwnKek({ custody: "dpapi", file: custody.file }, custody.stateDir);
    assert.throws(load, { code: "DPAPI_UNSUPPORTED", exit: 78 });
    assert.throws(() => wrapKekFile(custody.file), { code: "DPAPI_UNSUPPORTED" });
    assert.equal(custody.load().current.length, KEK_BYTES);
  });

  test("[R06] missing where nothing is sealed it was never made: the remedy is holdfast init; with anything sealed, to put it back", () => {
    using custody = new Custody();
    const load = (): Kek => loadOwnKek({ custody: "file", file: custody.file }, custody.stateDir);
    for (const folder of ["outbox", "keys", "identity/slot-1"]) {
      mkdirSync(join(custody.stateDir, folder), { recursive: true });
      assert.throws(load, { code: "KEK_NOT_MADE", exit: 78, remedy: /holdfast init --key/ });
    }
    for (const file of ["outbox/x.db", "keys/1.key", "identity/slot-1/tls.key"]) {
      writeFileSync(join(custody.stateDir, file), "");
      assert.throws(load, { code: "KEK_MISSING", remedy: /^Put it back/ }, file);
      rmSync(join(custody.stateDir, file));
    }
    createKek(custody.file);
    assert.equal(load().current.length, KEK_BYTES);
  });

  test("[R06] missing, or not where the configuration says, is KEK_MISSING, and none is made", () => {
    using custody = new Custody();
    assert.throws(() => custody.load(), { code: "KEK_MISSING", facts: { sysCode: "ENOENT" } });
    mkdirSync(custody.folder, { mode: 0o700 });
    assert.throws(() => custody.load(), { code: "KEK_MISSING" });
    assert.throws(() => statSync(custody.file), { code: "ENOENT" });
    for (const folder of [undefined, custody.folder]) {
      assert.throws(() => loadKek({ custody: "credential", folder }, custody.stateDir), {
        code: "KEK_MISSING",
      });
    }
  });

  test("[R06] is 64 hexadecimal digits or 32 bytes; anything else is KEK_MALFORMED", () => {
    using custody = new Custody();
    const raw = randomBytes(32);
    const text = raw.toString("hex");
    for (const content of [text, `${text}\n`, `${text}\r\n`, text.toUpperCase(), raw]) {
      custody.put(content);
      assert.ok(raw.equals(custody.load().current));
    }
    const wrong = ["", "\n", text.slice(1), `${text}0`, `${text}\n\n`, ` ${text}`];
    wrong.push(`${text.slice(1)}g`, "x".repeat(1_000_000));
    for (const content of [...wrong, raw.subarray(1), Buffer.alloc(33)]) {
      custody.put(content);
      assert.throws(() => custody.load(), { code: "KEK_MALFORMED" }, `${content.length} bytes`);
    }
  });

  test("[R06] what is said of a wrong one quotes nothing of it", () => {
    using custody = new Custody();
    custody.put(`${"ab".repeat(31)}xy\n`);
    try {
      custody.load();
      assert.fail("it was taken");
    } catch (error) {
      assert.doesNotMatch(JSON.stringify(error) + String(error), /abab|xy/);
    }
  });

  test("[S21] open to other accounts, as a file or by its folder, is KEK_EXPOSED", () => {
    using custody = new Custody();
    createKek(custody.file);
    for (const mode of [0o440, 0o404, 0o420, 0o402, 0o410, 0o644]) {
      chmodSync(custody.file, mode);
      assert.throws(() => custody.load(), {
        code: "KEK_EXPOSED",
        facts: { mode: `0${mode.toString(8)}` },
      });
    }
    chmodSync(custody.file, 0o600);
    custody.load();
    for (const mode of [0o750, 0o705, 0o710, 0o701, 0o755, 0o770]) {
      chmodSync(custody.folder, mode);
      assert.throws(() => custody.load(), {
        code: "KEK_EXPOSED",
        facts: { mode: `0${mode.toString(8)}` },
      });
    }
    chmodSync(custody.folder, 0o500);
    custody.load();
    chmodSync(custody.folder, 0o700);
  });

  test("[S21] of another account, as a file or by its folder, is KEK_EXPOSED", (t) => {
    if (process.getuid?.() !== 0)
      return t.skip("not tested: another owner; only root can give away");
    using custody = new Custody();
    for (const path of ["file", "folder"] as const) {
      createKek(custody.file);
      chownSync(custody[path], 12_345, 0);
      assert.throws(() => custody.load(), { code: "KEK_EXPOSED", facts: { uid: 12_345 } });
      rmSync(custody.folder, { recursive: true });
    }
  });

  test("[S21] inside the state folder, by whatever path, is KEK_EXPOSED", () => {
    using custody = new Custody();
    mkdirSync(custody.stateDir, { mode: 0o700 });
    const inside = join(custody.stateDir, "kek", "holdfast.kek");
    createKek(inside);
    const link = join(custody.path, "link");
    symlinkSync(custody.stateDir, link);
    mkdirSync(custody.folder, { mode: 0o700 });
    symlinkSync(inside, custody.file);
    const exposed = { code: "KEK_EXPOSED", facts: { inStateDir: true } };
    for (const file of [inside, join(link, "kek/holdfast.kek"), custody.file]) {
      assert.throws(() => custody.load(file), exposed, file);
    }
    assert.throws(() => loadKek({ custody: "file", file: inside }, link), exposed);
    const folder = join(custody.stateDir, "kek");
    writeFileSync(join(folder, "kek"), "0".repeat(64), { mode: 0o400 });
    assert.throws(() => loadKek({ custody: "credential", folder }, custody.stateDir), exposed);
  });

  test("[S21] beside a state folder of a similar name, or of none yet, is in order", () => {
    using custody = new Custody();
    createKek(`${custody.stateDir}-keys/holdfast.kek`);
    custody.load(`${custody.stateDir}-keys/holdfast.kek`);
    mkdirSync(custody.stateDir);
    custody.load(`${custody.stateDir}-keys/holdfast.kek`);
  });

  test("[S21] a credential is $CREDENTIALS_DIRECTORY/kek; systemd's access list is in order", () => {
    using custody = new Custody();
    const raw = randomBytes(32);
    const file = join(custody.folder, "kek");
    custody.put(raw, file);
    const load = (): Kek =>
      loadKek({ custody: "credential", folder: custody.folder }, custody.stateDir);
    for (const mode of [0o400, 0o440]) {
      chmodSync(file, mode);
      assert.ok(raw.equals(load().current));
    }
    custody.put(`${raw.toString("hex")}\n`, file);
    assert.ok(raw.equals(load().current));
    chmodSync(file, 0o444);
    assert.throws(load, { code: "KEK_EXPOSED" });
  });
});
