/** A store without its thread, on a clock that stands still: to see its chores work, step by step. @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreChannel } from "#agent/outbox/epochs/channel-tails.ts";
import type { Database } from "#agent/outbox/format/database.ts";
import { readRange } from "#agent/outbox/reader.ts";
import { Space } from "#agent/outbox/space/space.ts";
import type { SpaceOptions } from "#agent/outbox/space/space-messages.ts";
import { AppendBatch, type AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import type { Chore } from "#agent/outbox/writing/chores.ts";
import { GroupCommit, type GroupResult } from "#agent/outbox/writing/group-commit.ts";
import { type OpenedStore, openStore } from "#agent/outbox/writing/open-store.ts";
import type { StoreNotice, WriteOrder } from "#agent/outbox/writing/writer-messages.ts";
import { leftovers, wronglyCounted } from "#test/faults/store-accounting.ts";
import { ManualClock } from "./clocks.ts";
import { textOf } from "./messages.ts";
import { TEST_KEK } from "./test-keys.ts";
import { type EntryFields, entryOf, sha256 } from "./test-outbox.ts";

export const HOUR_MS = 3_600_000;
export const MIB = 1024 * 1024;

export interface RoomOptions extends Partial<SpaceOptions> {
  readonly diskBudgetBytes?: number;
  /** Where the store is; made and removed where it is not given. */
  readonly stateDir?: string;
  readonly channels?: readonly (string | StoreChannel)[];
  /** Of all channels that do not say it. */
  readonly fileWindowMs?: number;
}

interface Open extends OpenedStore {
  readonly store: GroupCommit;
  readonly space: Space;
}

/** More steps than any test needs: a chore that never comes to rest is found. */
const STEPS_MAX = 20_000;

export class RoomStore implements Disposable {
  readonly stateDir: string;
  readonly clock = new ManualClock();
  readonly notices: StoreNotice[] = [];
  readonly #options: RoomOptions;
  #ticket = 0;
  #upload = 0;
  #open: Open | undefined;

  constructor(options: RoomOptions = {}) {
    this.#options = options;
    this.stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), "holdfast-room-"));
    this.reopen();
  }

  get store(): GroupCommit {
    return this.#opened().store;
  }

  get database(): Database {
    return this.#opened().database;
  }

  get space(): Space {
    return this.#opened().space;
  }

  get keys(): OpenedStore["keys"] {
    return this.#opened().keys;
  }

  /** Closes it without a word, as a crash does, and opens it as it was left. */
  reopen(): void {
    this.close();
    const { clock, stateDir } = this;
    const { channels = ["adt", "oru"], diskBudgetBytes, fileWindowMs = 0 } = this.#options;
    const base = { stateDir, allowVolatileState: true, kek: TEST_KEK, duplicateMemoryKeys: 62_500 };
    const named = channels.map((one) =>
      typeof one === "string" ? { name: one, fileWindowMs } : one,
    );
    const newStoreId = new Uint8Array(16).fill(7);
    const opened = openStore({ ...base, channels: named, newStoreId }, clock);
    const { database, sealer, keys } = opened;
    const store = new GroupCommit(database, sealer, {
      ...{ channels: named, clock },
      ...(diskBudgetBytes === undefined ? {} : { diskBudgetBytes }),
    });
    const { retainHours = 72, ledgerDays = 400, ballastBytes = 0 } = this.#options;
    const space = new Space({
      ...{ store, database, keys, clock, retainHours, ledgerDays, ballastBytes },
      channels: named,
      tell: (notice) => this.notices.push(notice),
      ...{ storeId: newStoreId, onAppended: () => {} },
    });
    this.#open = { ...opened, store, space };
  }

  close(): void {
    this.#open?.database.close();
    this.#open = undefined;
  }

  order(...entries: readonly AppendEntry[]): WriteOrder {
    const batch = new AppendBatch();
    for (const entry of entries) batch.add(++this.#ticket, entry);
    return { order: "append", batch: batch.take() };
  }

  commit(...entries: readonly AppendEntry[]): GroupResult {
    return this.store.commit([this.order(...entries)]);
  }

  /** One commit for each body. */
  append(bodies: readonly string[], more: EntryFields = {}): void {
    for (const body of bodies) {
      const entry = entryOf({
        ...{ controlId: body.slice(0, 40), body, receivedAtMs: this.clock.nowMs() },
        ...more,
      });
      assert.ok(this.commit(entry).committed, `${body.slice(0, 40)} was refused`);
    }
  }

  /** A message whose body lies in slices of `sliceBytes`. */
  appendLarge(controlId: string, body: Uint8Array, sliceBytes = 1024): void {
    const upload = ++this.#upload;
    const orders: WriteOrder[] = [];
    for (let at = 0; at * sliceBytes < body.length; at++) {
      const bytes = body.slice(at * sliceBytes, (at + 1) * sliceBytes);
      orders.push({ order: "stage", upload, ordinal: at, bytes });
    }
    const whole = { length: body.length, uploadBytes: body.length, sha256: sha256(body) };
    const empty = new Uint8Array(0);
    const receivedAtMs = this.clock.nowMs();
    const entry = entryOf({ controlId, body: empty, ...whole, upload, receivedAtMs });
    assert.ok(this.store.commit([...orders, this.order(entry)]).committed);
  }

  /** The receiver has everything up to `seq`, durably here. */
  settle(seq: bigint, channel = 1, epoch = 1n): void {
    this.store.defer({ order: "settle", channel, epoch, seq });
    assert.ok(this.store.commit([]).committed);
  }

  /** Lets a chore work until it comes to rest. @returns how many steps did something */
  work(name: string, busy = false): number {
    const chore = this.chore(name);
    for (let steps = 0; steps < STEPS_MAX; steps++) if (chore.step(busy) > 0) return steps;
    throw new Error(`${name} does not come to rest`);
  }

  /** Lets every chore work until all have come to rest. */
  workAll(): void {
    for (const { name } of this.space.chores) if (name !== "ballast") this.work(name);
  }

  chore(name: string): Chore {
    const chore = this.space.chores.find((one) => one.name === name);
    assert.ok(chore !== undefined, `there is no chore ${name}`);
    return chore;
  }

  count(table: string): number {
    return this.number(`SELECT count(*) FROM ${table}`);
  }

  number(sql: string): number {
    return this.database.prepare(sql).pluck().get() as number;
  }

  /** `trimmed` of a channel's current epoch, as the file has it. */
  trimmed(channel = 1, epoch = 1): number {
    return this.number(
      `SELECT trimmed FROM cursor WHERE channel = ${channel} AND epoch = ${epoch}`,
    );
  }

  /** Bodies after `afterSeq` that lie in their segments. */
  bodies(channel = 1, afterSeq = 0n, epoch = 1n): string[] {
    const range = { channel, epoch, afterSeq, maxBytes: 64 * MIB, maxCount: 100_000 };
    const { messages } = readRange(this.store.readParts, range);
    return messages.map(({ body }) => (body === undefined ? "in slices" : textOf(body)));
  }

  /** Nothing is counted wrongly, and nothing lies about (05 S20, S11). */
  isSound(): void {
    assert.deepEqual(wronglyCounted(this.database), []);
    assert.deepEqual(leftovers(this.database), []);
  }

  [Symbol.dispose](): void {
    this.close();
    if (this.#options.stateDir === undefined) rmSync(this.stateDir, { recursive: true });
  }

  #opened(): Open {
    assert.ok(this.#open !== undefined, "the store is closed");
    return this.#open;
  }
}

export const named = (from: number, count: number, length = 20): string[] =>
  Array.from({ length: count }, (_, index) => `M${from + index}.`.padEnd(length, "x"));
