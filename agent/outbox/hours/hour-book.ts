/**
 * What came in each hour, written down in the transaction that stores it (03 D4): exact whatever kills the process.
 *
 * A message costs a comparison; a commit costs one small row for each channel that it has messages of. A repeat
 * stores nothing, so its answer waits for no flush (03 D1): it is counted along with the next message or within a
 * minute, and that count is all that a kill may take.
 *
 * @module
 */
import { hourOf } from "#reconcile/hours.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import type { Prepared } from "../writing/prepared.ts";
import { Counts, type Unnumbered } from "./hour-counts.ts";
import { openChains, sealChains } from "./stretch-chains.ts";

/** As `stretch.direction` says it. */
export const UP = 0;
export const DOWN = 1;

/** A message that got the next seq of its channel and epoch. */
export interface Numbered {
  readonly direction: typeof UP | typeof DOWN;
  readonly channel: number;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly receivedAtMs: number;
  /** No sender sent it now: released, replayed, reissued; downstream a repeat. */
  readonly isCopy: boolean;
  /** The chain in front of it and behind it; null where nobody knows it (06 TP31). */
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

type Stored = Exclude<Unnumbered, "duplicates">;

interface Open {
  readonly id: number;
  readonly key: readonly [direction: number, channel: number, epoch: bigint];
  readonly firstSeq: bigint;
  readonly hour: number;
  readonly before: Uint8Array | null;
  lastSeq: bigint;
  copies: number;
  after: Uint8Array | null;
  /** It stands in the table. */
  isThere: boolean;
  isTold: boolean;
}

type StretchKey = `${number}/${number}/${bigint}`;

export class HourBook {
  readonly #prepared: Prepared;
  readonly #sealer: Sealer;
  /** The newest of each channel and epoch; bounded by how many are written to. */
  readonly #open = new Map<StretchKey, Open>();
  readonly #changed = new Set<Open>();
  /** Of the open transaction. */
  readonly #counted = new Counts();
  readonly #repeating = new Counts();
  /** Of transactions that wrote nothing. */
  readonly #repeats = new Counts();
  #isWritten = false;
  #nextId: number;

  constructor(prepared: Prepared, sealer: Sealer) {
    this.#prepared = prepared;
    this.#sealer = sealer;
    this.#nextId = ((prepared.sequenceRead.get("stretch") as number | undefined) ?? 0) + 1;
  }

  /** A message was given its number in the open transaction. */
  numbered(message: Numbered): void {
    const { direction, channel, epoch, seq, after, isCopy } = message;
    const key: StretchKey = `${direction}/${channel}/${epoch}`;
    const hour = hourOf(message.receivedAtMs);
    let open = this.#open.get(key) ?? this.#newest(direction, channel, epoch);
    if (open === undefined || open.hour !== hour || open.lastSeq + 1n !== seq) {
      open = {
        ...{ id: this.#nextId++, key: [direction, channel, epoch], firstSeq: seq, hour },
        ...{
          before: message.before,
          lastSeq: seq,
          copies: 0,
          after,
          isThere: false,
          isTold: false,
        },
      };
    }
    open.lastSeq = seq;
    open.after = after;
    if (isCopy) open.copies += 1;
    this.#open.set(key, open);
    this.#changed.add(open);
  }

  /** Something came, or was decided, that gets no number. @param atMs when the message came */
  unnumbered(channel: number, atMs: number, what: Stored): void {
    this.#counted.add(hourOf(atMs), channel, what);
  }

  /** The same message came again. */
  repeated(channel: number, atMs: number): void {
    this.#repeating.add(hourOf(atMs), channel, "duplicates");
  }

  /** Whether there are repeats that nothing was written along with. */
  get hasRepeats(): boolean {
    return !this.#repeats.isEmpty;
  }

  /** Writes what has changed, and only then repeats, too; call once, before the commit. */
  flush(): void {
    const isAlone = this.#changed.size === 0 && this.#counted.isEmpty;
    for (const open of this.#changed) this.#write(open);
    this.#changed.clear();
    this.#counted.write(this.#prepared);
    this.#counted.clear();
    if (!isAlone) this.writeRepeats();
  }

  writeRepeats(): void {
    this.#repeats.write(this.#prepared);
    this.#repeating.write(this.#prepared);
    this.#isWritten = true;
  }

  /** The transaction is on the disk. */
  committed(): void {
    if (this.#isWritten) {
      this.#repeats.clear();
      this.#repeating.clear();
    } else {
      this.#repeating.moveRepeats(this.#repeats);
    }
    this.#isWritten = false;
  }

  /** What is remembered may not be in the table: after a rollback, or when others wrote there. */
  reload(): void {
    this.#open.clear();
    this.#changed.clear();
    this.#counted.clear();
    this.#repeating.clear();
    this.#isWritten = false;
  }

  #write(open: Open): void {
    const { id, key, firstSeq, lastSeq, hour, copies } = open;
    const chains = sealChains(this.#sealer, { channel: key[1], id }, open);
    if (open.isThere) this.#prepared.stretchGrow.run(lastSeq, copies, chains, id);
    else this.#prepared.stretchInsert.run(id, ...key, firstSeq, lastSeq, hour, copies, chains);
    if (open.isTold) this.#prepared.stretchRetell.run(id);
    open.isThere = true;
    open.isTold = false;
  }

  #newest(direction: number, channel: number, epoch: bigint): Open | undefined {
    const row = this.#prepared.stretchLast.get(direction, channel, epoch) as
      | [...bigint[], Uint8Array, bigint]
      | undefined;
    if (row === undefined) return undefined;
    const [id = 0n, , , , firstSeq = 0n, lastSeq = 0n, hour, copies] = row as bigint[];
    const sealed = row[8] as unknown as Uint8Array;
    const chains = openChains(this.#sealer, { channel, id: Number(id) }, sealed);
    // It stays as it is, and another one goes on behind it.
    if (chains === undefined) return undefined;
    return {
      ...{ id: Number(id), key: [direction, channel, epoch], firstSeq, lastSeq, ...chains },
      ...{ hour: Number(hour), copies: Number(copies), isThere: true, isTold: row[9] === 1n },
    };
  }
}
