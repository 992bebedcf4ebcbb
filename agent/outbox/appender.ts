/** One entry into the open transaction: recognise a repeat, number, chain, insert. @module */

import { AgentError } from "../errors.ts";
import {
  ANONYMOUS_DUPLICATE_WINDOW_MS,
  QUARANTINE_MAX_BYTES,
  QUARANTINE_ROW_BYTES,
} from "../limits.ts";
import type { TicketedEntry } from "./append-batch.ts";
import { nextChain } from "./chain.ts";
import { type ChannelTail, readTails } from "./channel-tails.ts";
import type { Prepared } from "./prepared.ts";
import { RECENT_ENTRY_BYTES, RecentKey, type RecentKeys } from "./recent-keys.ts";
import { type BodyPlace, Segments } from "./segments.ts";

export const OUTCOME = {
  stored: 0,
  repeat: 1,
  quarantined: 2,
  quarantinedRepeat: 3,
  /** No room to set a block aside (03 E7): nothing of it is kept. */
  quarantineFull: 4,
} as const;
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

export const FLAG_CONTROL_ID_REUSED = 1;
export const FLAG_ACK_NOT_OWED = 2;

export class Appender {
  readonly #prepared: Prepared;
  readonly #recent: RecentKeys;
  readonly #segments: Segments;
  readonly #windowMs: number;
  readonly #key = new RecentKey();
  #tails: Map<number, ChannelTail>;
  /** Kept incrementally, in the same transaction as the rows (05 S20). */
  #quarantine: QuarantineTotals;
  #quarantineChanged = false;
  /** Entries of `recent` that this transaction adds. */
  #fresh: Buffer[] = [];

  constructor(prepared: Prepared, recent: RecentKeys, windowMs: number) {
    this.#prepared = prepared;
    this.#recent = recent;
    this.#segments = new Segments(prepared);
    this.#windowMs = windowMs;
    this.#tails = readTails(prepared);
    this.#quarantine = readQuarantineTotals(prepared);
  }

  get tails(): ReadonlyMap<number, ChannelTail> {
    return this.#tails;
  }

  /** Reads the tails again: after a rollback, or when a channel was added. */
  reload(): void {
    this.#tails = readTails(this.#prepared);
    this.#quarantine = readQuarantineTotals(this.#prepared);
    this.#quarantineChanged = false;
    this.#segments.rollback();
    this.#fresh = [];
  }

  /** @param recentRow the row of `recent` that `flush` will write in this transaction */
  append(entry: TicketedEntry, recentRow: number): Appended {
    this.#key.set(entry.controlKey, entry.sha256);
    if (entry.checkDuplicate) {
      const repeat = this.#repeatOf(entry);
      if (repeat !== undefined) {
        // Its slices were staged before anybody could know.
        if (entry.upload !== 0) this.dropUpload(entry.upload);
        return repeat;
      }
    }
    if (entry.upload !== 0) this.#completeUpload(entry);
    return entry.quarantine === undefined
      ? this.#store(entry, recentRow)
      : this.#setAside(entry, recentRow);
  }

  /** Takes back what was stored of a body that will not be completed. */
  dropUpload(upload: number): void {
    this.#prepared.sliceDelete.run(upload);
    this.#prepared.uploadDelete.run(upload);
  }

  /** Writes the bodies and the keys of this transaction; call once, before the commit. @returns whether there were any keys */
  flush(): boolean {
    this.#segments.flush();
    if (this.#quarantineChanged) {
      const { count, bytes } = this.#quarantine;
      this.#prepared.quarantineTotalsMove.run(count, bytes);
      this.#quarantineChanged = false;
    }
    if (this.#fresh.length === 0) return false;
    this.#prepared.recentInsert.run(Buffer.concat(this.#fresh));
    this.#fresh = [];
    return true;
  }

  #repeatOf(entry: TicketedEntry): Appended | undefined {
    // Without a control id two real events may have the same bytes hours apart (03 D6).
    const anonymous = entry.quarantine === undefined && entry.controlId.length === 0;
    const windowMs = anonymous ? ANONYMOUS_DUPLICATE_WINDOW_MS : this.#windowMs;
    const hit = this.#recent.find(this.#key.words, entry.receivedAtMs - windowMs);
    // A block that was refused under an earlier configuration and is accepted now is no repeat.
    if (hit === undefined || hit.id > 0 !== (entry.quarantine === undefined)) return undefined;
    const common = { ticket: entry.ticket, controlIdReused: false, seq: 0n };
    if (hit.id < 0) {
      const { changes } = this.#prepared.quarantineRepeat.run(entry.receivedAtMs, -hit.id);
      if (changes === 0) return undefined;
      return { ...common, outcome: OUTCOME.quarantinedRepeat, id: -hit.id };
    }
    const stored = this.#prepared.messageDigest.get(hit.id) as Uint8Array | undefined;
    // A key without its row proves nothing: an extra copy is preferred to a loss.
    if (stored === undefined || Buffer.compare(stored, entry.sha256) !== 0) return undefined;
    return { ...common, outcome: OUTCOME.repeat, id: hit.id };
  }

  #store(entry: TicketedEntry, recentRow: number): Appended {
    const tail = this.#tails.get(entry.channel);
    if (tail === undefined) throw new RangeError(`Cannot append to channel ${entry.channel}`);
    const controlIdReused = entry.controlId.length > 0 && this.#recent.hasControl(this.#key.words);
    const seq = tail.lastSeq + 1n;
    const chain = nextChain(tail.lastChain, tail.epoch, seq, entry.sha256);
    const flags =
      (controlIdReused ? FLAG_CONTROL_ID_REUSED : 0) | (entry.ackOwed ? 0 : FLAG_ACK_NOT_OWED);
    const place = this.#placeOf(entry);
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
      place.segment,
      place.at,
    );
    tail.lastSeq = seq;
    tail.lastChain = chain;
    const id = Number(lastInsertRowid);
    this.#remember(id, entry.receivedAtMs, recentRow);
    return { ticket: entry.ticket, outcome: OUTCOME.stored, controlIdReused, id, seq };
  }

  /** An upload stands as a negative segment. */
  #placeOf({ channel, upload, body }: TicketedEntry): BodyPlace {
    return upload === 0 ? this.#segments.add(channel, body) : { segment: -upload, at: 0 };
  }

  /**
   * Marks an upload complete. Slices have no ticket of their own: one that a full disk refused shows
   * only here, and the message must not be acknowledged without it. The whole group is refused, for a
   * message behind it on the same connection must not come before its resend.
   */
  #completeUpload({ upload, length }: TicketedEntry): void {
    const [count, next, bytes] = this.#prepared.sliceTotals.get(upload) as [number, number, number];
    if (count !== next || bytes !== length) throw new AgentError("STORE_FULL", { slices: true });
    this.#prepared.uploadComplete.run(upload);
  }

  #setAside(entry: TicketedEntry, recentRow: number): Appended {
    const { count, bytes } = this.#quarantine;
    const kept = (entry.upload === 0 ? entry.body.length : entry.length) + QUARANTINE_ROW_BYTES;
    if (bytes + kept > QUARANTINE_MAX_BYTES) {
      if (entry.upload !== 0) this.dropUpload(entry.upload);
      return {
        ticket: entry.ticket,
        outcome: OUTCOME.quarantineFull,
        controlIdReused: false,
        id: 0,
        seq: 0n,
      };
    }
    this.#quarantine = { count: count + 1, bytes: bytes + kept };
    this.#quarantineChanged = true;
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
    const id = Number(lastInsertRowid);
    this.#remember(-id, entry.receivedAtMs, recentRow);
    const common = { ticket: entry.ticket, controlIdReused: false, seq: 0n };
    return { ...common, outcome: OUTCOME.quarantined, id };
  }

  #remember(id: number, atMs: number, recentRow: number): void {
    const entry = Buffer.allocUnsafe(RECENT_ENTRY_BYTES);
    this.#key.writeEntry(entry, id, atMs);
    this.#recent.add(entry, recentRow);
    this.#fresh.push(entry);
  }
}

interface QuarantineTotals {
  readonly count: number;
  readonly bytes: number;
}

function readQuarantineTotals(prepared: Prepared): QuarantineTotals {
  const [count, bytes] = prepared.quarantineTotals.get() as [number, number];
  return { count, bytes };
}
