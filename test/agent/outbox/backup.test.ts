import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import type { AgentError, ErrorCode } from "#agent/errors.ts";
import { systemClock } from "#agent/host/clock.ts";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import type { Manifest } from "#agent/outbox/upkeep/backup-manifest.ts";
import { until } from "#test/support/processes.ts";
import { SmallDisk } from "#test/support/small-disk.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

const MADE_AT = "2026-01-31T08:00:00.000Z";

function backup(outbox: Outbox, folder: string): Promise<Manifest> {
  return outbox.upkeep.backup({
    ...{ folder, kek: TEST_KEK, version: "1.2.3", madeAt: () => MADE_AT },
  });
}

const verify = (folder: string): Manifest => verifyBackup(folder, TEST_KEK, systemClock);

/** A store with a bit of everything; the second channel is settled. */
async function filled(): Promise<TestOutbox> {
  const store = await TestOutbox.open();
  const { outbox } = store;
  for (let i = 1; i <= 40; i++) {
    await appendTo(outbox, entryOf({ controlId: `A${i}`, body: `message ${i} `.repeat(200) }));
  }
  await appendTo(outbox, stagedEntry(outbox, "BIG", new Uint8Array(700_000).fill(0x42)));
  await appendTo(outbox, entryOf({ controlId: "B1", channel: 2 }));
  await appendTo(outbox, entryOf({ controlId: "Q1", quarantine: "noMessageType" }));
  outbox.settle(2, 1n, 1n);
  await outbox.probe();
  return store;
}

const folderOf = (store: TestOutbox): string => `${store.stateDir}.backup`;

describe("a backup", () => {
  test("[S19] holds every message, block and key, is read through, and says what it holds", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    const manifest = await backup(store.outbox, kept.path);
    assert.deepEqual(verify(kept.path), manifest);
    const { counts, channels, schema, version, madeAt, storeId } = manifest;
    assert.deepEqual(counts, {
      ...{ messages: 42, pruned: 0, quarantined: 1, damaged: 0, inbox: 0, files: 0 },
      bodyBytes: counts.bodyBytes,
    });
    assert.ok(counts.bodyBytes > 700_000 + 40 * 2_000);
    assert.deepEqual(channels, [
      { name: "adt", epoch: "1", lastSeq: "41", ackedSeq: "0" },
      { name: "oru", epoch: "1", lastSeq: "1", ackedSeq: "1" },
    ]);
    assert.deepEqual([schema, version, madeAt], [SCHEMA_VERSION, "1.2.3", MADE_AT]);
    assert.equal(storeId, Buffer.from(store.outbox.storeId).toString("hex"));
  });

  test("[S19, R08] nobody else can read it, and the key that opens it is not in it", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    await backup(store.outbox, kept.path);
    assert.equal(statSync(kept.path).mode & 0o777, 0o700);
    assert.equal(statSync(join(kept.path, "keys")).mode & 0o777, 0o700);
    for (const file of kept.files()) {
      assert.equal(statSync(file).mode & 0o077, 0, file);
      assert.equal(readFileSync(file).indexOf(TEST_KEK.current), -1);
    }
    const other = { current: new Uint8Array(32).fill(1) };
    assert.throws(() => verifyBackup(kept.path, other, systemClock), { code: "KEK_WRONG" });
  });

  test("[S19] it is the store of one moment, though messages come all the while", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    const { outbox } = store;
    // Some megabytes, so that the copy takes a while.
    for (let i = 0; i < 20; i++) {
      await appendTo(outbox, stagedEntry(outbox, `L${i}`, new Uint8Array(1_000_000).fill(i)));
    }
    let isCopying = true;
    let stored = 0;
    const sender = async (name: string): Promise<void> => {
      for (let i = 0; isCopying; i++) {
        const outcome = await appendTo(outbox, entryOf({ controlId: `${name}-${i}`, channel: 2 }));
        assert.equal(outcome.kind, "stored");
        stored += 1;
      }
    };
    const senders = ["s", "t", "u", "v"].map(sender);
    const manifest = await backup(outbox, kept.path);
    isCopying = false;
    await Promise.all(senders);
    const seqs = manifest.channels.map(({ lastSeq }) => Number(lastSeq));
    assert.equal(seqs[0], 61);
    assert.ok((seqs[1] ?? 0) > 1 && (seqs[1] ?? 0) <= stored + 1, `${seqs[1]} of ${stored}`);
    assert.equal(manifest.counts.messages, (seqs[0] ?? 0) + (seqs[1] ?? 0));
    verify(kept.path);
  });

  test("[S19] one at a time, into a folder that does not exist yet", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    const first = backup(store.outbox, kept.path);
    await refuses(backup(store.outbox, `${kept.path}2`), "BACKUP_RUNNING");
    await refuses(store.outbox.upkeep.rekey({ kek: new Uint8Array(32) }), "BACKUP_RUNNING");
    await first;
    await refuses(backup(store.outbox, kept.path), "BACKUP_FOLDER_TAKEN");
    verify(kept.path);
  });

  test("[S19] where it cannot be written the agent goes on, and nothing is left", async () => {
    await using store = await filled();
    const nowhere = `${store.stateDir}.not-there/backup`;
    await refuses(backup(store.outbox, nowhere), "BACKUP_FAILED");
    assert.equal(existsSync(nowhere), false);
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "on" }))).kind, "stored");
    assert.deepEqual(store.fatals, []);
  });

  test("[S19] a disk that fills up under it costs the backup alone", async (context) => {
    const made = SmallDisk.make(4 << 20);
    if (typeof made === "string") return context.skip(made);
    using disk = made;
    await using store = await filled();
    for (let i = 0; i < 8; i++) {
      await appendTo(store.outbox, stagedEntry(store.outbox, `L${i}`, new Uint8Array(1_000_000)));
    }
    const folder = join(disk.path, "backup");
    await refuses(backup(store.outbox, folder), "BACKUP_FAILED");
    assert.equal(existsSync(folder), false);
    assert.equal((await appendTo(store.outbox, entryOf({ controlId: "on" }))).kind, "stored");
    assert.deepEqual(store.fatals, []);
  });

  test("[S16, S19] what is damaged in the store is so in the copy, and counted: a backup is wanted most then", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    await store.close();
    change(store.databaseFile, "UPDATE segment SET bytes = zeroblob(50) WHERE id = 3");
    await store.reopen();
    const { counts } = await backup(store.outbox, kept.path);
    assert.deepEqual([counts.messages, counts.damaged], [42, 1]);
    verify(kept.path);
  });

  test("[S16, S19] what only the copy has wrong makes it none, and it is gone", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    const file = join(kept.path, "holdfast.db");
    const made = store.outbox.upkeep.backup({
      ...{ folder: kept.path, kek: TEST_KEK, version: "1.2.3" },
      // Asked for when the copy is there and is not read through yet.
      madeAt: () => {
        change(file, "UPDATE segment SET bytes = zeroblob(50) WHERE id = 3");
        return MADE_AT;
      },
    });
    await refuses(made, "BACKUP_DAMAGED");
    assert.equal(existsSync(kept.path), false);
    assert.equal(store.outbox.upkeep.progress, undefined);
    await backup(store.outbox, kept.path);
  });

  const DAMAGES: readonly (readonly [string, (folder: string) => void])[] = [
    ["without its manifest", (folder) => rmSync(join(folder, "manifest.json"))],
    [
      "with another manifest",
      (folder) =>
        rewrite(folder, "manifest.json", (text) =>
          text.replace('"42"', '"43"').replace("42", "41"),
        ),
    ],
    ["with a manifest that is none", (folder) => rewrite(folder, "manifest.json", () => "{}")],
    ["without a key", (folder) => rmSync(join(folder, "keys/1.key"))],
    ["without its database", (folder) => rmSync(join(folder, "holdfast.db"))],
    ["with a key more", (folder) => cpSync(join(folder, "keys/1.key"), join(folder, "keys/2.key"))],
    ["with a bit flipped in the database", (folder) => flip(join(folder, "holdfast.db"))],
    ["with a bit flipped in a key", (folder) => flip(join(folder, "keys/1.key"))],
    [
      "whose database was changed through SQLite",
      (folder) => change(join(folder, "holdfast.db"), "DELETE FROM message WHERE id = 7"),
    ],
    [
      "cut off",
      (folder) =>
        writeFileSync(
          join(folder, "holdfast.db"),
          readFileSync(join(folder, "holdfast.db")).subarray(0, 100_000),
        ),
    ],
  ];
  test("[S19] is refused when it is not what was written", async () => {
    await using store = await filled();
    using kept = new Folder(folderOf(store));
    await backup(store.outbox, kept.path);
    for (const [what, damage] of DAMAGES) {
      using copy = new Folder(`${kept.path}.${what.replaceAll(" ", "-")}`);
      cpSync(kept.path, copy.path, { recursive: true });
      for (const file of copy.files()) chmodSync(file, 0o600);
      verify(copy.path);
      damage(copy.path);
      const code = what === "without its manifest" ? "BACKUP_NOT_FOUND" : "BACKUP_DAMAGED";
      assert.throws(() => verify(copy.path), { code }, what);
    }
  });

  test("[S19] a manifest that names files elsewhere is none", () => {
    using folder = new Folder(mkdtempSync(join(tmpdir(), "holdfast-manifest-")));
    const manifest = { format: 1, schema: 3, storeId: "0".repeat(32), counts: {}, channels: [] };
    for (const name of ["../secret", "/etc/passwd", "keys/../../secret", "keys/x.key"]) {
      const files = [{ name, bytes: 1, sha256: "" }];
      writeFileSync(join(folder.path, "manifest.json"), JSON.stringify({ ...manifest, files }));
      assert.throws(
        () => verify(folder.path),
        ({ code, facts }: AgentError) => code === "BACKUP_DAMAGED" && facts["manifest"] === true,
      );
    }
  });

  for (const phase of ["copying", "checking"] as const) {
    test(`[S19, E8] a stop does not wait for one that is ${phase}: nothing of it is left, the store closes in order`, async () => {
      await using store = await filled();
      using kept = new Folder(folderOf(store));
      for (let i = 0; i < 30; i++) {
        await appendTo(store.outbox, stagedEntry(store.outbox, `L${i}`, new Uint8Array(1_000_000)));
      }
      const { upkeep } = store.outbox;
      const made = backup(store.outbox, kept.path);
      const ended = assert.rejects(made, ({ code }: AgentError) => /BACKUP_|WRITER_/.test(code));
      await until(phase, () => upkeep.progress?.phase === phase);
      await store.close();
      await ended;
      assert.equal(existsSync(kept.path), false);
      await store.reopen();
      assert.equal((await store.tail()).lastSeq, 71n);
      assert.deepEqual(store.fatals, []);
    });
  }
});

class Folder implements Disposable {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  files(): string[] {
    const names = readdirSync(this.path, { recursive: true, withFileTypes: true });
    return names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

async function refuses(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(work, { code });
}

function change(file: string, sql: string): void {
  const database = new Sqlite(file);
  database.exec(sql);
  database.close();
}

function rewrite(folder: string, name: string, change: (text: string) => string): void {
  const before = readFileSync(join(folder, name), "utf8");
  const after = change(before);
  assert.notEqual(after, before);
  writeFileSync(join(folder, name), after);
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 0x20;
  writeFileSync(file, bytes);
}
