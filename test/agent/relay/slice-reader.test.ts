import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { StoredMessage } from "#agent/outbox/reader.ts";
import { SliceReader } from "#agent/relay/slice-reader.ts";
import { appendTo, stagedEntry, TestOutbox } from "#test/support/test-outbox.ts";

const SLICE = 128 * 1024;
const LENGTH = 5 * SLICE + 77;
const body = Uint8Array.from({ length: LENGTH }, (_, index) => (index * 31) % 256);

/** An outbox that counts what is read of it, and may give back other bytes than it was given. */
class Watched {
  readonly reads: [from: number, bytes: number][] = [];
  /** The byte of the body that is flipped. */
  flippedAt = -1;
  readonly outbox: Outbox;

  constructor(outbox: Outbox) {
    this.outbox = Object.create(outbox, {
      slices: {
        value: async (upload: number, from: number, maxBytes: number) => {
          const part = await outbox.slices(upload, from, maxBytes);
          this.reads.push([from, part.length]);
          const at = this.flippedAt - from;
          if (at >= 0 && at < part.length) part[at] = (part[at] ?? 0) ^ 1;
          return part;
        },
      },
    });
  }
}

interface Scene {
  readonly watched: Watched;
  readonly message: StoredMessage;
  readonly reader: SliceReader;
  readonly damaged: number[];
  open(from: number): () => Promise<Uint8Array>;
}

async function withMessage(act: (scene: Scene) => Promise<void>): Promise<void> {
  await using store = await TestOutbox.open();
  await appendTo(store.outbox, stagedEntry(store.outbox, "LARGE", body));
  const range = { channel: 1, epoch: 1n, afterSeq: 0n, maxBytes: 1, maxCount: 1 };
  const [message] = (await store.outbox.read(range)).messages;
  assert.ok(message !== undefined);
  const watched = new Watched(store.outbox);
  const reader = new SliceReader(watched.outbox);
  const damaged: number[] = [];
  const open = (from: number) => openAt(reader, message, from, damaged);
  await act({ watched, message, reader, damaged, open });
}

function openAt(reader: SliceReader, message: StoredMessage, from: number, damaged: number[]) {
  return reader.open({ epoch: 1n, message, from, onDamaged: () => damaged.push(from) });
}

/** Everything from `from` on. */
async function rest(next: () => Promise<Uint8Array>, bytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let had = 0; had < bytes; ) {
    const part = await next();
    had += part.length;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

describe("slices of a large body", () => {
  for (const from of [0, 1, SLICE, 3 * SLICE + 5, LENGTH - 1]) {
    test(`[TP14] [TP9] from byte ${from} on it comes whole, once the part before is hashed`, () =>
      withMessage(async ({ watched, open }) => {
        const sent = await rest(open(from), LENGTH - from);
        assert.deepEqual(sent, Buffer.from(body.subarray(from)));
        assert.equal(
          watched.reads.reduce((sum, [, bytes]) => sum + bytes, 0),
          LENGTH,
          "each byte was read once",
        );
        assert.ok(watched.reads.every(([, bytes]) => bytes <= SLICE));
      }));
  }

  test("[TP9] at its end nothing comes, once all of it is hashed", () =>
    withMessage(async ({ open, damaged }) => {
      assert.equal((await open(LENGTH)()).length, 0);
      assert.deepEqual(damaged, []);
    }));

  test("[TP14] what was hashed on one connection is not read again on the next", () =>
    withMessage(async ({ watched, open }) => {
      await rest(open(0), 3 * SLICE);
      watched.reads.length = 0;
      const sent = await rest(open(2 * SLICE), LENGTH - 2 * SLICE);
      assert.deepEqual(sent, Buffer.from(body.subarray(2 * SLICE)));
      assert.equal(watched.reads[0]?.[0], 2 * SLICE);
    }));

  test("[TP9] a reader of an old connection that still reads does not hash a byte twice", () =>
    withMessage(async ({ open, damaged }) => {
      const old = open(0);
      await old();
      const late = old();
      const next = open(SLICE);
      const [, first] = await Promise.all([late, next()]);
      const others = await rest(next, LENGTH - SLICE - first.length);
      assert.deepEqual(Buffer.concat([first, others]), Buffer.from(body.subarray(SLICE)));
      assert.deepEqual(damaged, []);
    }));

  for (const [where, flippedAt] of [
    ["in the part that the receiver has", 10],
    ["in what is sent", 4 * SLICE],
    ["in the last byte", LENGTH - 1],
  ] as const) {
    test(`[S16] [TP9] a flipped bit ${where} keeps the last slice back, also after a resume`, () =>
      withMessage(async ({ watched, open, damaged }) => {
        watched.flippedAt = flippedAt;
        const next = open(3 * SLICE);
        await assert.rejects(rest(next, LENGTH - 3 * SLICE), { code: "STORE_BODY_DAMAGED" });
        assert.deepEqual(damaged, [3 * SLICE]);
        await assert.rejects(open(LENGTH)(), { code: "STORE_BODY_DAMAGED" });
      }));
  }

  test("[S16] slices that end too early are damage", () =>
    withMessage(async ({ message, reader, damaged }) => {
      const longer = { ...message, length: LENGTH + 1 };
      const next = openAt(reader, longer, 0, damaged);
      await assert.rejects(rest(next, LENGTH + 1), { code: "STORE_BODY_DAMAGED" });
      assert.deepEqual(damaged, [0]);
    }));
});
