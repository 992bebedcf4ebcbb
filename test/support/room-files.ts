/** Dropped files in a store without its thread, on a clock that stands still: to see chores work on them. @module */
import assert from "node:assert/strict";
import type { ClaimRow } from "#agent/ingest/file-drop/claims.ts";
import { FileStore } from "#agent/outbox/files/file-store.ts";
import type { DamagedFileRow } from "#agent/outbox/files/file-walk.ts";
import { type RoomOptions, RoomStore } from "./room-store.ts";
import { entriesOf, type FileFields, markOf, newClaim } from "./test-files.ts";
import type { EntryFields } from "./test-outbox.ts";

const CHANNEL = 1;

export class RoomFiles implements Disposable {
  readonly room: RoomStore;
  readonly damaged: DamagedFileRow[] = [];
  files: FileStore;

  constructor(options: RoomOptions = {}) {
    this.room = new RoomStore(options);
    this.files = this.#open();
  }

  /** Closes it without a word, as a crash does, and opens it as it was left. */
  reopen(): void {
    this.room.reopen();
    this.files = this.#open();
  }

  claim(...parts: readonly FileFields[]): number {
    const ask = { channel: CHANNEL, claims: [newClaim(...parts)], atMs: this.room.clock.nowMs() };
    const [claimed] = this.files.claim(ask);
    assert.ok(claimed !== undefined);
    return claimed.id;
  }

  /** A claimed file with these messages and blocks, committed. @returns its row */
  committed(...entries: readonly EntryFields[]): number {
    const id = this.claim();
    const at = { receivedAtMs: this.room.clock.nowMs() };
    const marked = entriesOf(
      markOf(id, `content ${id}`),
      ...entries.map((one) => ({ ...at, ...one })),
    );
    assert.ok(this.room.commit(...marked).committed);
    return id;
  }

  setAside(id: number): void {
    const files = [{ id, reason: "noHeader", sha256: undefined }] as const;
    this.files.change({
      channel: CHANNEL,
      atMs: this.room.clock.nowMs(),
      change: "setAside",
      files,
    });
  }

  moved(id: number, target = `target ${id}`, left = false): void {
    const files = [{ id, targets: target === "" ? [] : [Buffer.from(target)], left }];
    this.files.change({ channel: CHANNEL, atMs: this.room.clock.nowMs(), change: "moved", files });
  }

  rows(): ClaimRow[] {
    return this.files.reader.list({ channel: CHANNEL, beforeId: 0, count: 1_000 }).toReversed();
  }

  /** Numbers of the rows that are there, after their retention has worked. */
  left(): number[] {
    this.room.work("fileRows");
    return this.rows().map(({ id }) => id);
  }

  /** Targets that have to stay, whenever their files were decided. */
  async kept(): Promise<string[]> {
    const found = await this.files.reader.kept({ channel: CHANNEL, beforeMs: 2 ** 50 });
    return found.map((target) => Buffer.from(target).toString());
  }

  [Symbol.dispose](): void {
    this.room[Symbol.dispose]();
  }

  #open(): FileStore {
    const { store } = this.room;
    const onDamaged = (row: DamagedFileRow): void => void this.damaged.push(row);
    return new FileStore({ store, onDamaged, onRefused: () => {}, isHalted: () => false });
  }
}
