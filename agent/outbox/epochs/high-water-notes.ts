/** Writes down, after each commit that appended, how far the store has been (05 S17). @module */
import { join } from "node:path";
import { CHANNELS_MAX_COUNT } from "../../limits.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { HighWater, type HighWaterMark } from "./high-water.ts";

/** Beside the database, and not in it: it must not be put back together with it by accident. */
export const openHighWater = (stateDir: string): HighWater =>
  HighWater.open(join(stateDir, "outbox/high-water"));

/** What a power cut may take of the mark. */
const FLUSH_EVERY_MS = 1_000;

export class HighWaterNotes implements Chore {
  readonly name = "highWater";
  readonly #file: HighWater;
  readonly #store: GroupCommit;
  readonly #storeId: Uint8Array;
  /** What was written last: commits that append nothing are not worth another. */
  #noted = "";

  constructor(file: HighWater, store: GroupCommit, storeId: Uint8Array) {
    this.#file = file;
    this.#store = store;
    this.#storeId = storeId;
  }

  /** Marks where the store stands, if that is further than before; flushed a little later. */
  note(): void {
    const { prepared, tails } = this.#store;
    const lastMessageId = (prepared.messageLastId.get() as number | null) ?? 0;
    const lastQuarantineId = (prepared.quarantineSequence.get() as number | undefined) ?? 0;
    let epochs = 0n;
    for (const { epoch } of tails.values()) epochs += epoch;
    const noted = `${lastMessageId} ${lastQuarantineId} ${epochs} ${tails.size}`;
    if (noted !== this.#noted) {
      this.#noted = noted;
      // So many fit, with names of 64 bytes; of more the oldest are marked.
      const channels: HighWaterMark["channels"][number][] = [];
      for (const { name, epoch, lastSeq } of tails.values()) {
        if (channels.length < CHANNELS_MAX_COUNT) channels.push({ name, epoch, lastSeq });
      }
      this.#file.write({ storeId: this.#storeId, lastMessageId, lastQuarantineId, channels });
    }
    this.#file.flushSoon();
  }

  /** Flushes what was marked before it became quiet. */
  step(): number {
    this.#file.flushSoon();
    return FLUSH_EVERY_MS;
  }

  close(): void {
    this.#file[Symbol.dispose]();
  }
}
