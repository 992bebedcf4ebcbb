/** One entry into the open transaction: recognise a repeat, number, chain, insert. @module */

import type { TicketedEntry } from "./append-batch.ts";
import { nextChain } from "./chain.ts";
import { type ChannelTail, readTails } from "./channel-tails.ts";
import type { Prepared } from "./prepared.ts";
import type { Quarantine } from "./quarantine.ts";
import { RECENT_ENTRY_BYTES, RecentKey, type RecentKeys } from "./recent-keys.ts";
import { type BodyPlace, Segments } from "./segments.ts";
import type { Uploads } from "./uploads.ts";

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
  /** 03 D3: it came before, and was stored all the same. */
  readonly duplicate: boolean;
  /** The row of `message`, or of `quarantine`: the first copy's for a repeat. */
  readonly id: number;
  /** The seq in the channel's epoch, the first copy's for a repeat; 0 where there is none. */
  readonly seq: bigint;
}

export const FLAG_CONTROL_ID_REUSED = 1;
export const FLAG_ACK_NOT_OWED = 2;
/** 03 D3 `forwardFlagged`: it came before, and is forwarded again. */
export const FLAG_DUPLICATE = 4;
/** An operator let it out of quarantine. */
export const FLAG_RELEASED = 8;

const UNFLAGGED = { controlIdReused: false, duplicate: false };

export class Appender {
  readonly #prepared: Prepared;
  readonly #recent: RecentKeys;
  readonly #segments: Segments;
  readonly #uploads: Uploads;
  readonly #quarantine: Quarantine;
  readonly #key = new RecentKey();
  #tails: Map<number, ChannelTail>;
  /** Entries of `recent` that this transaction adds. */
  #fresh: Buffer[] = [];

  constructor(prepared: Prepared, recent: RecentKeys, uploads: Uploads, quarantine: Quarantine) {
    this.#prepared = prepared;
    this.#recent = recent;
    this.#segments = new Segments(prepared);
    this.#uploads = uploads;
    this.#quarantine = quarantine;
    this.#tails = readTails(prepared);
  }

  get tails(): ReadonlyMap<number, ChannelTail> {
    return this.#tails;
  }

  /** Reads the tails again: after a rollback, or when a channel was added. */
  reload(): void {
    this.#tails = readTails(this.#prepared);
    this.#quarantine.reload();
    this.#segments.rollback();
    this.#uploads.rollback();
    this.#fresh = [];
  }

  /** A block of quarantine becomes a message. */
  release(entry: TicketedEntry, recentRow: number): Appended {
    this.#key.set(entry.controlKey, entry.sha256);
    return this.#store(entry, recentRow, FLAG_RELEASED);
  }

  /** @param recentRow the row of `recent` that `flush` will write in this transaction */
  append(entry: TicketedEntry, recentRow: number): Appended {
    this.#uploads.name(entry.upload, entry.uploadBytes);
    this.#key.set(entry.controlKey, entry.sha256);
    if (entry.quarantine !== undefined) return this.#setAside(entry);
    const repeat = entry.duplicates === "off" ? undefined : this.#repeatOf(entry);
    if (repeat === undefined) return this.#store(entry, recentRow, 0);
    if (entry.duplicates === "forwardFlagged") return this.#store(entry, recentRow, FLAG_DUPLICATE);
    return repeat;
  }

  /** Writes the bodies and the keys of this transaction; call once, before the commit. @returns whether there were any keys */
  flush(): boolean {
    this.#segments.flush();
    this.#uploads.flush();
    this.#quarantine.flush();
    if (this.#fresh.length === 0) return false;
    this.#prepared.recentInsert.run(Buffer.concat(this.#fresh));
    this.#fresh = [];
    return true;
  }

  #repeatOf(entry: TicketedEntry): (Appended & { readonly released: boolean }) | undefined {
    const hit = this.#recent.find(this.#key.words, entry.receivedAtMs - entry.duplicateWindowMs);
    if (hit === undefined) return undefined;
    const stored = this.#prepared.messageDigest.get(hit.id) as
      | [Uint8Array, bigint, bigint, bigint]
      | undefined;
    // A key without its row proves nothing: an extra copy is preferred to a loss.
    if (stored === undefined || Buffer.compare(stored[0], entry.sha256) !== 0) return undefined;
    const common = { ticket: entry.ticket, ...UNFLAGGED, id: hit.id };
    // A seq of an epoch that has ended is nobody's concern any more.
    const seq = stored[1] === this.#tails.get(entry.channel)?.epoch ? stored[2] : 0n;
    const released = (Number(stored[3]) & FLAG_RELEASED) !== 0;
    return { ...common, outcome: OUTCOME.repeat, seq, released };
  }

  #store(entry: TicketedEntry, recentRow: number, flag: number): Appended {
    const tail = this.#tails.get(entry.channel);
    if (tail === undefined) throw new RangeError(`Cannot append to channel ${entry.channel}`);
    const known = flag === 0 && entry.controlId.length > 0 && entry.duplicates !== "off";
    const controlIdReused = known && this.#recent.hasControl(this.#key.words);
    const seq = tail.lastSeq + 1n;
    const chain = nextChain(tail.lastChain, tail.epoch, seq, entry.sha256);
    const flags =
      flag |
      (controlIdReused ? FLAG_CONTROL_ID_REUSED : 0) |
      (entry.ackOwed ? 0 : FLAG_ACK_NOT_OWED);
    const place = this.#placeOf(entry);
    const throughBytes = tail.lastBytes + entry.length + entry.attributes.length;
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
      throughBytes,
      entry.attributes,
    );
    tail.lastSeq = seq;
    tail.lastChain = chain;
    tail.lastBytes = throughBytes;
    const id = Number(lastInsertRowid);
    this.#remember(id, entry.receivedAtMs, recentRow);
    const duplicate = flag === FLAG_DUPLICATE;
    return { ticket: entry.ticket, outcome: OUTCOME.stored, controlIdReused, duplicate, id, seq };
  }

  /** An upload stands as a negative segment. */
  #placeOf({ channel, upload, uploadAt, body }: TicketedEntry): BodyPlace {
    if (upload === 0) return this.#segments.add(channel, body);
    this.#uploads.use(upload);
    return { segment: -upload, at: uploadAt };
  }

  #setAside(entry: TicketedEntry): Appended {
    const common = { ticket: entry.ticket, ...UNFLAGGED, seq: 0n };
    const known = this.#quarantine.repeatOf(entry);
    if (known !== undefined) return { ...common, outcome: OUTCOME.quarantinedRepeat, id: known };
    // An operator released the first copy: it is on its way, and this one is counted only (E7).
    if (this.#repeatOf(entry)?.released === true) {
      return { ...common, outcome: OUTCOME.quarantinedRepeat, id: 0 };
    }
    const id = this.#quarantine.setAside(entry);
    if (id === undefined) return { ...common, outcome: OUTCOME.quarantineFull, id: 0 };
    return { ...common, outcome: OUTCOME.quarantined, id };
  }

  #remember(id: number, atMs: number, recentRow: number): void {
    const entry = Buffer.allocUnsafe(RECENT_ENTRY_BYTES);
    this.#key.writeEntry(entry, id, atMs);
    this.#recent.add(entry, recentRow);
    this.#fresh.push(entry);
  }
}
