/** What outlives the bodies of its time is sealed again with the key in use, in short steps (08 2.3). @module */

import type { SealPlace } from "../../sealing/seal-place.ts";
import { Sealer } from "../../sealing/sealer.ts";
import { fileStage } from "../files/file-resealing.ts";
import { hourStage } from "../hours/hour-resealing.ts";
import { inboxStages } from "../inbox/inbox-resealing.ts";
import { supportStages } from "../support/support-resealing.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { readUnlessCorrupt } from "./fault.ts";

/** The last row of each table that may be sealed with a key epoch or a lower one. */
export interface KeyMark {
  readonly epoch: number;
  readonly segment: number;
  readonly upload: number;
  readonly quarantine: number;
  readonly recent: number;
  /** Of `inbox` and `inbox_partial`. */
  readonly inbox: number;
}

/** A step's rows: about a MiB of slices, or as much as a few milliseconds allow. */
const SLICES = 8;
const BLOCKS = 8;
const KEYS = 200;

export class Resealing {
  readonly mark: KeyMark;
  readonly #store: GroupCommit;
  readonly #stages: (() => boolean)[];
  /** What the step at hand has to write. */
  readonly #writes: (() => void)[] = [];
  #slice: readonly [upload: number, ordinal: number] = [0, -1];
  #block = 0;
  #recent = 0;

  constructor(store: GroupCommit, mark: KeyMark) {
    this.#store = store;
    this.mark = mark;
    const again = (sealed: Uint8Array | undefined, place: SealPlace): Uint8Array | undefined =>
      this.#again(sealed, place);
    const write = (one: () => void): void => void this.#writes.push(one);
    const { prepared } = store;
    this.#stages = [
      () => this.#slices(),
      () => this.#blocks(),
      () => this.#recents(),
      () => this.#chains(),
      ...inboxStages({ prepared, lastBody: mark.inbox, again, write }),
      fileStage({ prepared, again, write }),
      ...supportStages({ prepared, again, write }),
      hourStage({ prepared, again, write }),
    ];
  }

  /** One short transaction. @returns whether there is more to do */
  step(): boolean {
    const [stage] = this.#stages;
    if (stage === undefined) return false;
    // Read before the transaction: a page that cannot be read would spoil it.
    const more = stage();
    const writes = this.#writes.splice(0);
    if (writes.length > 0) {
      this.#store.inTransaction(() => {
        for (const write of writes) write();
      });
    }
    if (!more) this.#stages.shift();
    return this.#stages.length > 0;
  }

  #slices(): boolean {
    const { prepared } = this.#store;
    const rows = prepared.sliceSealed.all(...this.#slice, this.mark.upload, SLICES) as [
      number,
      number,
    ][];
    for (const [upload, ordinal] of rows) {
      this.#slice = [upload, ordinal];
      const sealed = readOne(() => prepared.sliceRead.get(upload, ordinal));
      const place = { column: "slice.bytes", channel: 0, row: upload, extra: ordinal } as const;
      const fresh = this.#again(sealed, place);
      if (fresh === undefined) continue;
      this.#writes.push(() => prepared.sliceReseal.run(fresh, upload, ordinal));
    }
    return rows.length === SLICES;
  }

  #blocks(): boolean {
    const { prepared } = this.#store;
    const rows = prepared.quarantineSealed.all(this.#block, this.mark.quarantine, BLOCKS) as [
      number,
      number,
    ][];
    for (const [id, channel] of rows) {
      this.#block = id;
      const sealed = readOne(() => prepared.quarantineSealedAt.get(id));
      const fresh = this.#again(sealed, { column: "quarantine.sealed", channel, row: id });
      if (fresh !== undefined) this.#writes.push(() => prepared.quarantineReseal.run(fresh, id));
    }
    return rows.length === BLOCKS;
  }

  #recents(): boolean {
    const { prepared } = this.#store;
    const rows = prepared.recentSealed.all(this.#recent, this.mark.recent, KEYS) as number[];
    for (const id of rows) {
      this.#recent = id;
      const sealed = readOne(() => prepared.recentAt.get(id));
      const fresh = this.#again(sealed, { column: "recent.entries", channel: 0, row: id });
      if (fresh !== undefined) this.#writes.push(() => prepared.recentReseal.run(fresh, id));
    }
    return rows.length === KEYS;
  }

  /** A few rows: one a channel, and one for each epoch that ended. */
  #chains(): boolean {
    const { prepared, tails } = this.#store;
    for (const channel of tails.keys()) {
      for (const row of prepared.cursorEpochs.all(channel) as unknown[][]) {
        const [epoch, sealed] = [row[0] as bigint, row[5] as Uint8Array | null];
        if (sealed === null) continue;
        const fresh = this.#again(sealed, { column: "cursor.trimmed_chain", channel, row: epoch });
        if (fresh === undefined) continue;
        this.#writes.push(() => prepared.cursorReseal.run(fresh, channel, epoch));
      }
    }
    return false;
  }

  /** @returns `undefined`: a newer key seals it already, or it does not open and is lost either way */
  #again(sealed: Uint8Array | undefined, place: SealPlace): Uint8Array | undefined {
    if (sealed === undefined || Sealer.keyEpochOf(sealed) > this.mark.epoch) return undefined;
    const plain = this.#store.sealer.open(sealed, place);
    return plain === undefined ? undefined : this.#store.sealer.seal([plain], place);
  }
}

const readOne = (read: () => unknown): Uint8Array | undefined =>
  readUnlessCorrupt(read) as Uint8Array | undefined;
