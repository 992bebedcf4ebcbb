/**
 * Blocks that are no messages: set aside, counted, kept within a bound for each channel (03 E7).
 *
 * Runs in the writer's transactions. Fragments and junk are the first to go when a channel's room is
 * used up; a complete block never goes without a person who discards it.
 *
 * @module
 */
import { QUARANTINE_MAX_BYTES, QUARANTINE_ROW_BYTES } from "../../limits.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { type MessageIdentity, NO_IDENTITY, recordHead } from "../format/record.ts";
import { TOKEN_OF_CONTENT } from "../format/tokens.ts";
import type { BlockSize, TicketedEntry } from "./append-batch.ts";
import type { Prepared } from "./prepared.ts";
import type { Uploads } from "./uploads.ts";

interface Totals {
  count: number;
  bytes: number;
}

export interface QuarantineParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
  readonly uploads: Uploads;
}

/** How many fragments one block may push out. */
const EXPENDABLE_ROWS = 10_000;

export class Quarantine {
  readonly #prepared: Prepared;
  readonly #sealer: Sealer;
  readonly #uploads: Uploads;
  readonly #maxBytes: ReadonlyMap<number, number>;
  /** Kept incrementally, in the same transaction as the rows (05 S20). */
  readonly #totals = new Map<number, Totals>();
  readonly #changed = new Set<number>();
  /** By channel: the upload of a file whose bytes are counted already, in this step of it or in one before. */
  readonly #countedUploads = new Map<number, number>();
  /** Known before the row is there: it is sealed to its number, which never comes twice. */
  #nextId: number;

  /** @param maxBytes by channel; the others have the default */
  constructor(
    { prepared, sealer, uploads }: QuarantineParts,
    maxBytes: ReadonlyMap<number, number>,
  ) {
    this.#prepared = prepared;
    this.#sealer = sealer;
    this.#uploads = uploads;
    this.#maxBytes = maxBytes;
    this.#nextId = ((prepared.quarantineSequence.get() as number | undefined) ?? 0) + 1;
    this.reload();
  }

  /** Reads the totals again: after a rollback. */
  reload(): void {
    this.#totals.clear();
    this.#changed.clear();
    // Perhaps with what was rolled back: counted once more it does no harm.
    this.#countedUploads.clear();
    const rows = this.#prepared.quarantineTotals.all() as [number, number, number][];
    for (const [channel, count, bytes] of rows) this.#totals.set(channel, { count, bytes });
  }

  /** Counts identical bytes that were set aside before, for the same reason (03 E7). @returns the first copy's row */
  repeatOf(entry: TicketedEntry): number | undefined {
    const { channel, sha256, quarantine, length, receivedAtMs, duplicateWindowMs } = entry;
    const sinceMs = receivedAtMs - duplicateWindowMs;
    // The length as well: of a block over the limit the digest covers the beginning alone.
    const token = this.#sealer.token(TOKEN_OF_CONTENT, sha256);
    const key = [channel, token, quarantine, length, sinceMs];
    const id = this.#prepared.quarantineFind.get(...key) as number | undefined;
    if (id !== undefined) this.#prepared.quarantineRepeat.run(receivedAtMs, id);
    return id;
  }

  /**
   * @param replaces its number, if it was a message (06 TP31)
   * @returns the new row, or `undefined` if there is no room for it
   */
  setAside(entry: TicketedEntry, replaces?: MessageIdentity): number | undefined {
    const { channel, claim, upload, uploadBytes, length, body } = entry;
    const isCounted = claim !== undefined && upload === this.countedUpload(channel);
    const kept = blockRoom({ bodyBytes: body.length, upload, uploadBytes, length }, isCounted);
    if (!this.makeRoom(channel, kept)) return undefined;
    // Small blocks of the file that came along by themselves may stand between those in its slices.
    if (claim !== undefined && upload !== 0) this.#countedUploads.set(channel, upload);
    const id = this.#nextId++;
    const head = recordHead({
      ...{ ...entry, identity: NO_IDENTITY },
      ...{ chain: entry.controlKey, replaces },
    });
    const place = { column: "quarantine.sealed", channel, row: id } as const;
    this.#prepared.quarantineInsert.run(
      id,
      channel,
      entry.receivedAtMs,
      entry.quarantine,
      entry.length,
      this.#sealer.token(TOKEN_OF_CONTENT, entry.sha256),
      this.#sealer.seal([head, body], place),
      body.length,
      upload === 0 ? null : upload,
      entry.uploadAt,
      kept,
    );
    this.#uploads.use(upload);
    this.#count(channel, 1, kept);
    return id;
  }

  /** The upload of a channel's file at hand whose bytes are counted; 0: none. */
  countedUpload(channel: number): number {
    return this.#countedUploads.get(channel) ?? 0;
  }

  /** Forgets a row. @param keepUpload where its slices go on with a message */
  remove(id: number, keepUpload = false): boolean {
    const row = this.#prepared.quarantineKept.get(id) as
      | [number, number, number | null]
      | undefined;
    if (row === undefined) return false;
    const [channel, kept, upload] = row;
    if (upload !== null && !keepUpload) this.#uploads.release(upload);
    this.#prepared.quarantineDelete.run(id);
    this.#prepared.fileBlockForget.run(id);
    this.#count(channel, -1, -kept);
    return true;
  }

  /** Writes the totals that changed; call once, before the commit. */
  flush(): void {
    for (const channel of this.#changed) {
      const { count, bytes } = this.#totalsOf(channel);
      this.#prepared.quarantineTotalsMove.run(channel, count, bytes);
    }
    this.#changed.clear();
  }

  /** Lets fragments go, the oldest first, if that makes room enough. @returns whether there is room now */
  makeRoom(channel: number, kept: number): boolean {
    const limit = this.#maxBytes.get(channel) ?? QUARANTINE_MAX_BYTES;
    if (this.#totalsOf(channel).bytes + kept <= limit) return true;
    const going: number[] = [];
    let missing = this.#totalsOf(channel).bytes + kept - limit;
    const expendable = this.#prepared.quarantineExpendable.iterate(channel, EXPENDABLE_ROWS);
    for (const [id, bytes] of expendable as IterableIterator<[number, number]>) {
      going.push(id);
      missing -= bytes;
      if (missing <= 0) break;
    }
    // Nothing goes in vain, unless there is more to go with the next block.
    const enough = missing <= 0;
    if (enough || going.length === EXPENDABLE_ROWS) for (const id of going) this.remove(id);
    return enough;
  }

  #count(channel: number, count: number, bytes: number): void {
    const totals = this.#totalsOf(channel);
    totals.count += count;
    totals.bytes += bytes;
    this.#changed.add(channel);
  }

  #totalsOf(channel: number): Totals {
    const known = this.#totals.get(channel);
    if (known !== undefined) return known;
    const fresh = { count: 0, bytes: 0 };
    this.#totals.set(channel, fresh);
    return fresh;
  }
}

/**
 * What lies in slices may keep the slices of a whole batch. Of a file's blocks the first counts them, or a few of a
 * large file would be more than quarantine holds.
 */
function blockRoom(
  { bodyBytes, upload, uploadBytes, length }: BlockSize,
  isUploadCounted: boolean,
): number {
  const held = isUploadCounted ? length : uploadBytes;
  return (upload === 0 ? bodyBytes : held) + QUARANTINE_ROW_BYTES;
}

/** What blocks of one file need together. @param countedUpload whose bytes are counted already */
export function blocksRoom(blocks: readonly BlockSize[], countedUpload: number): number {
  let bytes = 0;
  let counted = countedUpload;
  for (const block of blocks) {
    bytes += blockRoom(block, block.upload === counted);
    if (block.upload !== 0) counted = block.upload;
  }
  return bytes;
}
