import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Sqlite from "better-sqlite3";
import { entryBytes } from "#agent/audit/entry.ts";
import { chainHash } from "#agent/outbox/trust/audit-hash.ts";
import {
  type AuditHead,
  type AuditRow,
  DOCUMENTS_MAX_COUNT,
  type TrustChange,
} from "#agent/outbox/trust/trust-messages.ts";
import { appendTo, entryOf, TestOutbox } from "#test/support/test-outbox.ts";
import { draftOf } from "#test/support/test-trust.ts";

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const digestOf = (number: number): string => number.toString(16).padStart(64, "0");

function rowAfter({ seq, hash }: AuditHead, action = "test.done"): AuditRow {
  const place = { seq: seq + 1, atMs: 1_000, monotonicMs: 1, prev: hash };
  const bytes = entryBytes(draftOf(action), place);
  return { seq: seq + 1, atMs: 1_000, bytes, hash: chainHash(hash, bytes) };
}

/** A change with its entry. */
async function changed(made: TestOutbox, change: Omit<TrustChange, "audit">): Promise<void> {
  const { trust } = made.outbox;
  await trust.commit({ audit: [rowAfter(await trust.auditHead())], ...change });
}

const nonce = (number: number): Uint8Array => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};

describe("trust state in the store", () => {
  test("[VT7] values, documents, nonces and the entry are there after a kill, all of them", async () => {
    await using made = await TestOutbox.open();
    const values = new Map([["config.seqHigh", bytesOf("7")]]);
    const documents = [{ kind: "trust", digest: digestOf(1), atMs: 5, bytes: bytesOf("envelope") }];
    const nonces = { add: [{ nonce: nonce(1), expiresMs: 9 }] };
    await changed(made, { values, documents, nonces });
    await made.kill();
    await made.reopen();
    const { trust } = made.outbox;
    const found = await trust.load();
    assert.deepEqual(found.values, values);
    assert.deepEqual(found.documents, [{ kind: "trust", digest: digestOf(1), atMs: 5, length: 8 }]);
    assert.deepEqual([found.nonceCount, found.auditHead.seq, found.damaged], [1, 1, []]);
    assert.deepEqual((await trust.document("trust", digestOf(1)))?.bytes, bytesOf("envelope"));
    assert.equal(await trust.hasNonce(nonce(1)), true);
    assert.equal(await trust.hasNonce(nonce(2)), false);
  });

  test("[VM3] a nonce that came before refuses the whole change", async () => {
    await using made = await TestOutbox.open();
    const { trust } = made.outbox;
    await changed(made, { nonces: { add: [{ nonce: nonce(1), expiresMs: 9 }] } });
    const again = {
      values: new Map([["config.seqHigh", bytesOf("8")]]),
      nonces: { add: [{ nonce: nonce(1), expiresMs: 9 }] },
    };
    await assert.rejects(changed(made, again), { code: "NONCE_SEEN" });
    const found = await trust.load();
    assert.deepEqual([found.values.size, found.auditHead.seq], [0, 1]);
  });

  test("[VM3] a full store of nonces refuses and evicts nothing; those that have expired make room", async () => {
    await using made = await TestOutbox.open();
    const add = Array.from({ length: 10_000 }, (_, index) => ({
      nonce: nonce(index + 1),
      expiresMs: index === 0 ? 5 : 100,
    }));
    await changed(made, { nonces: { add } });
    const more = { add: [{ nonce: nonce(20_000), expiresMs: 100 }] };
    await assert.rejects(changed(made, { nonces: { ...more, nowMs: 5 } }), { code: "NONCES_FULL" });
    assert.equal(await made.outbox.trust.hasNonce(nonce(1)), true, "nothing is evicted");
    await changed(made, { nonces: { ...more, nowMs: 6 } });
    assert.equal(await made.outbox.trust.hasNonce(nonce(1)), false);
  });

  test("[A01] entries that do not follow are refused, and nothing of the change is there", async () => {
    await using made = await TestOutbox.open();
    const { trust } = made.outbox;
    await changed(made, {});
    const head = await trust.auditHead();
    const good = rowAfter(head);
    const values = new Map([["config.seqHigh", bytesOf("8")]]);
    const wrong: Readonly<Record<string, AuditRow>> = {
      "another number": { ...good, seq: good.seq + 1 },
      "another hash": { ...good, hash: new Uint8Array(32) },
      "other bytes": { ...good, bytes: bytesOf("{}") },
      "a number that is there": rowAfter({ seq: 0, hash: new Uint8Array(32) }),
    };
    for (const [what, row] of Object.entries(wrong)) {
      await assert.rejects(
        trust.commit({ audit: [row], values }),
        { code: "AUDIT_UNWRITABLE" },
        what,
      );
    }
    await assert.rejects(trust.commit({ audit: [], values }), TypeError);
    await assert.rejects(trust.note({ values }), TypeError);
    assert.deepEqual(await trust.auditHead(), head);
    assert.equal((await trust.load()).values.size, 0);
  });

  test("[U22] a flipped bit in a value or a document is named, and never believed", async () => {
    await using made = await TestOutbox.open();
    const documents = [{ kind: "trust", digest: digestOf(1), atMs: 5, bytes: bytesOf("envelope") }];
    const values = new Map([
      ["config.seqHigh", bytesOf("7")],
      ["config.epoch", bytesOf("1")],
    ]);
    await changed(made, { values, documents });
    await made.close();
    const database = new Sqlite(made.databaseFile);
    database.exec("UPDATE trust_value SET value = x'36' WHERE name = 'config.seqHigh'");
    database.exec("UPDATE trust_document SET bytes = x'00'");
    database.close();
    await made.reopen();
    const found = await made.outbox.trust.load();
    assert.deepEqual([...found.values.keys()], ["config.epoch"]);
    assert.deepEqual(found.damaged, ["config.seqHigh", `trust/${digestOf(1)}`]);
    assert.equal(await made.outbox.trust.document("trust", digestOf(1)), undefined);
  });

  test("[A04] pages of the audit that cannot be read stop changes, and no message", async () => {
    await using made = await TestOutbox.open();
    await changed(made, {});
    await made.close();
    const database = new Sqlite(made.databaseFile);
    const [root, pageBytes] = [
      database
        .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'audit_entry'")
        .pluck()
        .get(),
      database.pragma("page_size", { simple: true }),
    ] as [number, number];
    database.close();
    await spoil(made.databaseFile, (root - 1) * pageBytes, pageBytes);
    await made.reopen();
    const { trust } = made.outbox;
    assert.ok((await trust.load()).damaged.includes("audit"));
    const row = rowAfter({ seq: 0, hash: new Uint8Array(32) });
    await assert.rejects(trust.commit({ audit: [row] }), { code: "AUDIT_UNWRITABLE" });
    assert.equal((await appendTo(made.outbox, entryOf({ controlId: "M1" }))).kind, "stored");
    assert.deepEqual(made.fatals, []);
  });

  test("[VT7] of a kind the newest are kept, up to the bound; one that comes again is the newest", async () => {
    await using made = await TestOutbox.open();
    const { trust } = made.outbox;
    const document = (number: number) => ({
      ...{ kind: "note.head", digest: digestOf(number), atMs: number, bytes: bytesOf("x") },
    });
    const all = Array.from({ length: DOCUMENTS_MAX_COUNT + 3 }, (_, index) => document(index));
    await trust.note({ documents: all });
    await trust.note({ documents: [{ ...document(10), atMs: 99 }] });
    const { documents } = await trust.load();
    assert.equal(documents.length, DOCUMENTS_MAX_COUNT);
    assert.deepEqual([documents[0]?.digest, documents[0]?.atMs], [digestOf(10), 99]);
    assert.equal(documents.at(-1)?.digest, digestOf(3));
    const after = await trust.documentsAfter("note.head", digestOf(4), 2);
    assert.deepEqual(
      after.map(({ digest }) => digest),
      [digestOf(5), digestOf(6)],
    );
    assert.equal((await trust.documents("note.head", 2)).length, 2);
  });
});

async function spoil(file: string, at: number, bytes: number): Promise<void> {
  const { open } = await import("node:fs/promises");
  const handle = await open(file, "r+");
  await handle.write(new Uint8Array(bytes).fill(0x55), 0, bytes, at);
  await handle.close();
}
