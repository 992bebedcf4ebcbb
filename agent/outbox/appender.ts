/** One entry into the open transaction: recognise a repeat, number, chain, insert. @module */
import type { TicketedEntry } from "./append-batch.ts";
import { nextChain } from "./chain.ts";
import { type ChannelTail, readTails } from "./channel-tails.ts";
import type { Prepared } from "./prepared.ts";
import { RECENT_ENTRY_BYTES, type RecentKeys, writeRecentEntry } from "./recent-keys.ts";

export const OUTCOME = { stored: 0, repeat: 1, quarantined: 2, quarantinedRepeat: 3 } as const;
export type OutcomeCode = (typeof OUTCOME)[keyof typeof OUTCOME];

/** What the store did with one entry; true only once the transaction has committed. */
export interface Appended {
  readonly ticket: number;
  readonly outcome: OutcomeCode;
  /** 03 D2: the control id came before with other content. */
  readonly controlIdReused: boolean;
  /** The row of `message`, or of `quarantine`: the first copy's for a repeat. */
  readonly id: number;
  /** The seq in the channel's epoch, 0 where there is none. */
  readonly seq: bigint;
}

const KEY_BYTES = 24;
export const FLAG_CONTROL_ID_REUSED = 1;
export const FLAG_ACK_NOT_OWED = 2;

export class Appender {
  readonly #prepared: Prepared;
  readonly #recent: RecentKeys;
  readonly #windowMs: number;
  readonly #key = Buffer.alloc(KEY_BYTES);
  #tails: Map<number, ChannelTail>;
  /** Entries of `recent` that this transaction adds. */
  #fresh: Buffer[] = [];

  constructor(prepared: Prepared, recent: RecentKeys, windowMs: number) {
    this.#prepared = prepared;
    this.#recent = recent;
    this.#windowMs = windowMs;
    this.#tails = readTails(prepared);
  }

  get tails(): ReadonlyMap<number, ChannelTail> {
    return this.#tails;
  }

  /** Reads the tails again: after a rollback, or when a channel was added. */
  reload(): void {
    this.#tails = readTails(this.#prepared);
    this.#fresh = [];
  }

  /** @param recentRow the row of `recent` that `flushRecent` will write in this transaction */
  append(entry: TicketedEntry, recentRow: number): Appended {
    const { controlKey, sha256 } = entry;
    this.#key.set(controlKey, 0);
    this.#key.set(sha256.subarray(0, 16), 8);
    if (entry.checkDuplicate) {
      const repeat = this.#repeatOf(entry);
      if (repeat !== undefined) return repeat;
    }
    return entry.quarantine === undefined
      ? this.#store(entry, recentRow)
      : this.#setAside(entry, recentRow);
  }

  /** Writes the keys of this transaction as one row; call once, before the commit. @returns whether there were any */
  flushRecent(): boolean {
    if (this.#fresh.length === 0) return false;
    this.#prepared.recentInsert.run(Buffer.concat(this.#fresh));
    this.#fresh = [];
    return true;
  }

  #repeatOf(entry: TicketedEntry): Appended | undefined {
    const hit = this.#recent.find(this.#key, entry.receivedAtMs - this.#windowMs);
    // A block that was refused under an earlier configuration and is accepted now is no repeat.
    if (hit === undefined || hit.id > 0 !== (entry.quarantine === undefined)) return undefined;
    const common = { ticket: entry.ticket, controlIdReused: false, seq: 0n };
    if (hit.id < 0) {
      this.#prepared.quarantineRepeat.run(entry.receivedAtMs, -hit.id);
      return { ...common, outcome: OUTCOME.quarantinedRepeat, id: -hit.id };
    }
    const stored = this.#prepared.messageDigest.get(hit.id) as Uint8Array | undefined;
    if (stored !== undefined && Buffer.compare(stored, entry.sha256) !== 0) return undefined;
    return { ...common, outcome: OUTCOME.repeat, id: hit.id };
  }

  #store(entry: TicketedEntry, recentRow: number): Appended {
    const tail = this.#tails.get(entry.channel);
    if (tail === undefined) throw new RangeError(`Cannot append to channel ${entry.channel}`);
    const controlIdReused = entry.controlId.length > 0 && this.#recent.hasControl(entry.controlKey);
    const seq = tail.lastSeq + 1n;
    const chain = nextChain(tail.lastChain, tail.epoch, seq, entry.sha256);
    const flags =
      (controlIdReused ? FLAG_CONTROL_ID_REUSED : 0) | (entry.ackOwed ? 0 : FLAG_ACK_NOT_OWED);
    const upload = entry.upload === 0 ? null : entry.upload;
    const { lastInsertRowid } = this.#prepared.messageInsert.run(
      entry.channel,
      tail.epoch,
      seq,
      entry.receivedAtMs,
      entry.length,
      entry.sha256,
      chain,
      entry.controlId,
      entry.source,
      flags,
      upload,
    );
    if (upload === null) this.#prepared.bodyInsert.run(lastInsertRowid, entry.body);
    else this.#prepared.uploadComplete.run(upload);
    tail.lastSeq = seq;
    tail.lastChain = chain;
    const id = Number(lastInsertRowid);
    this.#remember(id, entry.receivedAtMs, recentRow);
    return { ticket: entry.ticket, outcome: OUTCOME.stored, controlIdReused, id, seq };
  }

  #setAside(entry: TicketedEntry, recentRow: number): Appended {
    const upload = entry.upload === 0 ? null : entry.upload;
    const { lastInsertRowid } = this.#prepared.quarantineInsert.run(
      entry.channel,
      entry.receivedAtMs,
      entry.quarantine,
      entry.length,
      entry.sha256,
      entry.controlId,
      entry.source,
      entry.body,
      upload,
    );
    if (upload !== null) this.#prepared.uploadComplete.run(upload);
    const id = Number(lastInsertRowid);
    this.#remember(-id, entry.receivedAtMs, recentRow);
    const common = { ticket: entry.ticket, controlIdReused: false, seq: 0n };
    return { ...common, outcome: OUTCOME.quarantined, id };
  }

  #remember(id: number, atMs: number, recentRow: number): void {
    const entry = Buffer.alloc(RECENT_ENTRY_BYTES);
    writeRecentEntry(entry, this.#key, id, atMs);
    this.#recent.add(entry, recentRow);
    this.#fresh.push(entry);
  }
}
