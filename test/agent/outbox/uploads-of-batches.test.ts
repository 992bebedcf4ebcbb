import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import { until } from "#test/support/processes.ts";
import { StoreFile } from "#test/support/store-file.ts";
import { appendTo, entryOf, sha256, TestOutbox } from "#test/support/test-outbox.ts";

const SLICE = 128 * 1024;
const LENGTHS = [200_000, 131_072, 7, 300_000] as const;
const TOTAL = LENGTHS.reduce((sum, length) => sum + length, 0);
const SLICES = Math.ceil(TOTAL / SLICE);

const bodyOf = (bytes: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) % 251);

/** The messages of one batch: what each is, and where it lies. */
function partsOf(seed = 1): readonly { readonly bytes: Uint8Array; readonly at: number }[] {
  let at = 0;
  return LENGTHS.map((length, index) => {
    at += length;
    return { bytes: bodyOf(length, seed + index), at: at - length };
  });
}

interface BatchFields {
  readonly seed?: number;
  /** Which slices are lost on the way. */
  readonly losing?: (ordinal: number) => boolean;
  /** What is different in the entry at an index. */
  readonly entry?: (index: number) => Partial<Pick<AppendEntry, "quarantine" | "duplicates">>;
  /** How many messages of the batch are entries; the rest is envelope. */
  readonly count?: number;
}

/** Entries whose bodies lie in the slices of one upload, which are staged. */
function batchOf(outbox: Outbox, fields: BatchFields = {}): AppendEntry[] {
  const { seed = 1, losing = () => false, entry = () => ({}), count = LENGTHS.length } = fields;
  const parts = partsOf(seed);
  const upload = outbox.newUpload();
  const whole = Buffer.concat(parts.map(({ bytes }) => bytes));
  for (let ordinal = 0; ordinal < SLICES; ordinal++) {
    if (losing(ordinal)) continue;
    const from = ordinal * SLICE;
    outbox.stage(upload, ordinal, new Uint8Array(whole.subarray(from, from + SLICE)));
  }
  return parts.slice(0, count).map(({ bytes, at }, index) =>
    entryOf({
      controlId: `C${seed}-${index}`,
      body: new Uint8Array(0),
      length: bytes.length,
      sha256: sha256(bytes),
      ...{ upload, uploadAt: at, uploadBytes: TOTAL },
      ...entry(index),
    }),
  );
}

const appendAll = (
  outbox: Outbox,
  entries: readonly AppendEntry[],
): Promise<readonly AppendOutcome[]> =>
  new Promise((resolve) => outbox.append(entries, 3_000, resolve));

const kindsOf = async (outbox: Outbox, entries: readonly AppendEntry[]): Promise<string[]> =>
  (await appendAll(outbox, entries)).map(({ kind }) => kind);

/** Digest of every message of the channel as its slices really are. */
async function digests(store: TestOutbox): Promise<string[]> {
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1 << 20, maxCount: 100 };
  const { messages } = await store.outbox.read(range);
  const found: string[] = [];
  for (const { upload, uploadAt, length, body } of messages) {
    const bytes = body ?? (await store.outbox.slices(upload, uploadAt, length));
    found.push(hex(sha256(bytes)));
  }
  return found;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const expected = (seed = 1): string[] => partsOf(seed).map(({ bytes }) => hex(sha256(bytes)));

/** Closes, counts, and opens again. */
async function leftIn(store: TestOutbox): Promise<{ slices: number; uploads: number }> {
  await store.close();
  const counts = ((): { slices: number; uploads: number } => {
    using file = new StoreFile(store.stateDir);
    return { slices: file.sliceCount(), uploads: file.uploadCount() };
  })();
  await store.reopen();
  return counts;
}

const NOTHING = { slices: 0, uploads: 0 };
const ONE = { slices: SLICES, uploads: 1 };

describe("a batch in the slices of one upload", () => {
  test("[F12, S11] gives each message its own bytes, also after a restart", async () => {
    await using store = await TestOutbox.open();
    const kinds = await kindsOf(store.outbox, batchOf(store.outbox));
    assert.deepEqual(kinds, ["stored", "stored", "stored", "stored"]);
    assert.deepEqual(await digests(store), expected());
    assert.deepEqual(await leftIn(store), ONE);
    assert.deepEqual(await digests(store), expected());
  });

  test("[F12, S11] may be read from anywhere, and ends where the upload ends", async () => {
    await using store = await TestOutbox.open();
    const entries = batchOf(store.outbox);
    await appendAll(store.outbox, entries);
    const { upload = 0 } = entries[0] ?? {};
    const whole = Buffer.concat(partsOf().map(({ bytes }) => bytes));
    for (const from of [0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE - 5, TOTAL - 1, TOTAL]) {
      for (const most of [1, 10, SLICE, SLICE + 1, TOTAL]) {
        const bytes = await store.outbox.slices(upload, from, most);
        assert.ok(whole.subarray(from, from + most).equals(bytes), `${most} from ${from}`);
      }
    }
  });

  for (const lost of [0, 2, SLICES - 1]) {
    test(`[F12, A1, T-S05] of which slice ${lost} is missing is refused whole, whichever message lies there`, async () => {
      await using store = await TestOutbox.open();
      const entries = batchOf(store.outbox, { losing: (ordinal) => ordinal === lost });
      assert.deepEqual(await kindsOf(store.outbox, entries), Array(4).fill("refused"));
      assert.deepEqual(await digests(store), []);
      assert.deepEqual(await kindsOf(store.outbox, batchOf(store.outbox)), Array(4).fill("stored"));
      assert.deepEqual(await digests(store), expected());
      assert.deepEqual(await leftIn(store), ONE, "what the refused one left is gone");
    });
  }

  test("[F12, D1] sent again is all repeats, and its slices go with that commit", async () => {
    await using store = await TestOutbox.open();
    await appendAll(store.outbox, batchOf(store.outbox));
    for (let again = 0; again < 3; again++) {
      const kinds = await kindsOf(store.outbox, batchOf(store.outbox));
      assert.deepEqual(kinds, Array(4).fill("repeat"));
    }
    assert.deepEqual(await digests(store), expected());
    assert.deepEqual(await leftIn(store), ONE);
  });

  test("[F12, D1] of which a half was there keeps its slices for the other half", async () => {
    await using store = await TestOutbox.open();
    await appendAll(store.outbox, batchOf(store.outbox, { count: 2 }));
    const kinds = await kindsOf(store.outbox, batchOf(store.outbox));
    assert.deepEqual(kinds, ["repeat", "repeat", "stored", "stored"]);
    assert.deepEqual(await digests(store), expected());
    assert.deepEqual(await leftIn(store), { slices: 2 * SLICES, uploads: 2 });
  });

  test("[F12, D3] is kept a second time where repeats are forwarded", async () => {
    await using store = await TestOutbox.open();
    const entry = (): Partial<AppendEntry> => ({ duplicates: "forwardFlagged" });
    for (let round = 0; round < 2; round++) {
      const kinds = await kindsOf(store.outbox, batchOf(store.outbox, { entry }));
      assert.deepEqual(kinds, Array(4).fill("stored"));
    }
    assert.deepEqual(await digests(store), [...expected(), ...expected()]);
    assert.deepEqual(await leftIn(store), { slices: 2 * SLICES, uploads: 2 });
  });

  const bad = (...indexes: number[]): BatchFields => ({
    entry: (index) => (indexes.includes(index) ? { quarantine: "noMessageType" } : {}),
  });

  test("[F12, P38, E7] sets a bad message aside with its own bytes; the same again is counted and leaves nothing", async () => {
    await using store = await TestOutbox.open();
    const { outbox } = store;
    const kinds = await kindsOf(outbox, batchOf(outbox, bad(1, 3)));
    assert.deepEqual(kinds, ["stored", "quarantined", "stored", "quarantined"]);
    const [third, first] = await outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    for (const [row, index] of [
      [first, 1],
      [third, 3],
    ] as const) {
      const block = await outbox.quarantinedBlock(row?.id ?? 0, 0, TOTAL);
      assert.equal(block?.row.whole, true);
      assert.equal(hex(sha256(block?.bytes ?? new Uint8Array(0))), expected()[index]);
    }
    const again = await kindsOf(outbox, batchOf(outbox, bad(1, 3)));
    assert.deepEqual(again, ["repeat", "quarantined", "repeat", "quarantined"]);
    assert.deepEqual(await leftIn(store), ONE);
  });

  test("[F12, E7] keeps its slices while one row needs them: a discarded neighbour takes nothing with it", async () => {
    await using store = await TestOutbox.open();
    await appendAll(store.outbox, batchOf(store.outbox, bad(0, 1, 2)));
    const ids = (await store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10)).map(({ id }) => id);
    assert.equal(await store.outbox.discard(ids.slice(0, 1)), 1);
    assert.deepEqual(await leftIn(store), ONE);
    assert.equal(await store.outbox.discard(ids.slice(1)), 2);
    assert.deepEqual(await leftIn(store), ONE, "the message is still there");
    assert.deepEqual(await digests(store), expected().slice(3));
  });

  test("[F12, E7] goes with the last row that needs it", async () => {
    await using store = await TestOutbox.open();
    await appendAll(store.outbox, batchOf(store.outbox, bad(0, 1, 2, 3)));
    const ids = (await store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10)).map(({ id }) => id);
    for (const id of ids.slice(1)) await store.outbox.discard([id]);
    assert.deepEqual(await leftIn(store), ONE);
    await store.outbox.discard(ids.slice(0, 1));
    assert.deepEqual(await leftIn(store), NOTHING);
  });

  test("[F12, E7] a released message goes on from the same slices, and a discarded neighbour leaves it alone", async () => {
    await using store = await TestOutbox.open();
    await appendAll(store.outbox, batchOf(store.outbox, bad(1, 2)));
    const [second, first] = await store.outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    const released = await store.outbox.release(first?.id ?? 0);
    assert.equal(released?.seq, 3n);
    await store.outbox.discard([second?.id ?? 0]);
    const [zero, one, , three] = expected();
    assert.deepEqual(await digests(store), [zero, three, one]);
    assert.deepEqual(await leftIn(store), ONE);
    assert.deepEqual(await digests(store), [zero, three, one]);
  });

  test("[F12, E7] makes room for what is set aside without taking slices that messages need", async () => {
    await using store = await TestOutbox.open({
      channels: [{ name: "adt", quarantineMaxBytes: 400_000 }],
    });
    const { outbox } = store;
    const fragment = (index: number): Partial<AppendEntry> =>
      index === 3 ? { quarantine: "partial" } : {};
    await appendAll(outbox, batchOf(outbox, { entry: fragment }));
    const aside = entryOf({
      controlId: "BAD",
      body: new Uint8Array(200_000),
      quarantine: "noHeader",
    });
    assert.equal((await appendTo(outbox, aside)).kind, "quarantined");
    const rows = await outbox.quarantined(Number.MAX_SAFE_INTEGER, 10);
    assert.deepEqual(
      rows.map(({ reason }) => reason),
      ["noHeader"],
      "the fragment made room",
    );
    assert.deepEqual(await digests(store), expected().slice(0, 3));
    assert.deepEqual(await leftIn(store), ONE);
  });

  test("[F12, T-S03] is there whole or not at all after its writer dies", async () => {
    await using store = await TestOutbox.open();
    let complete = 0;
    for (let round = 0; round < 12; round++) {
      const entries = batchOf(store.outbox, { seed: 10 * (round + 1) });
      let done = false;
      store.outbox.append(entries, 3_000, ([first]) => {
        done = first?.kind === "stored";
      });
      if (round % 3 === 2) await until("it is committed", () => done);
      else if (round % 3 === 1) await store.outbox.standing();
      const acknowledged = done;
      await store.kill();
      await store.reopen();
      const { lastSeq } = await store.tail();
      const stored = Number(lastSeq) - complete;
      assert.ok(stored === 0 || stored === 4, `${stored} of 4`);
      if (acknowledged) assert.equal(stored, 4);
      complete += stored;
      if (stored > 0)
        assert.deepEqual((await digests(store)).slice(-4), expected(10 * (round + 1)));
    }
    assert.deepEqual(await leftIn(store), {
      slices: (SLICES * complete) / 4,
      uploads: complete / 4,
    });
  });
});
