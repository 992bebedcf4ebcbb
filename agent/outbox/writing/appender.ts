/** One entry into the open transaction: recognise a repeat, number, chain, insert. @module */

import type { ClaimMark } from "../../ingest/file-drop/claims.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { type ChannelTail, type GrowingEpoch, readTails } from "../epochs/channel-tails.ts";
import { type Barred, FileMarks } from "../files/file-marks.ts";
import { nextChain } from "../format/chain.ts";
import type { MessageIdentity } from "../format/record.ts";
import { Segments } from "../format/segments.ts";
import { TOKEN_OF_CONTENT, TOKEN_OF_CONTROL_ID } from "../format/tokens.ts";
import { type HourBook, UP } from "../hours/hour-book.ts";
import { isReservedChannel } from "../inbox/outcome-report.ts";
import { RECENT_ENTRY_BYTES, RecentKey, type RecentKeys } from "../recent-keys.ts";
import type { PackedBatch, TicketedEntry } from "./append-batch.ts";
import type { Prepared } from "./prepared.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Uploads } from "./uploads.ts";

export const OUTCOME = {
  stored: 0,
  repeat: 1,
  quarantined: 2,
  quarantinedRepeat: 3,
  /** No room to set a block aside (03 E7): nothing of it is kept. */
  quarantineFull: 4,
  /** The claim of the file that it came in is not open, or of something else (04 P24). */
  claimEnded: 5,
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
/** Appended again in a new epoch: the receiver may have it under the number that the record names (06 TP18). */
export const FLAG_REISSUED = 16;
/** An operator sent it again. */
export const FLAG_REPLAYED = 32;
/** The receiver will never take it; a copy is in quarantine (06 TP30). */
export const FLAG_REFUSED = 64;

const NO_TOKEN = new Uint8Array(0);
/** Of a repeat whose first copy the receiver does not have, under a number that is not this epoch's: never settled. */
const SEQ_ELSEWHERE = 2n ** 63n - 1n;

export interface AppenderParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
  readonly recent: RecentKeys;
  readonly uploads: Uploads;
  readonly quarantine: Quarantine;
  readonly hours: HourBook;
}

const UNFLAGGED = { controlIdReused: false, duplicate: false };

/** What is special about a message that is stored. */
interface Marked {
  readonly flag: number;
  readonly replaces: MessageIdentity | undefined;
  /** Its control key is at hand: the duplicate memory gets it. */
  readonly isKnown: boolean;
}

export class Appender {
  readonly #prepared: Prepared;
  readonly #recent: RecentKeys;
  readonly #segments: Segments;
  readonly #sealer: Sealer;
  readonly #uploads: Uploads;
  readonly #quarantine: Quarantine;
  readonly #files: FileMarks;
  readonly #hours: HourBook;
  readonly #key = new RecentKey();
  #tails: Map<number, ChannelTail>;
  /** Entries of `recent` that this transaction adds. */
  #fresh: Buffer[] = [];

  constructor(parts: AppenderParts) {
    const { prepared, sealer, recent, uploads, quarantine, hours } = parts;
    this.#prepared = prepared;
    this.#sealer = sealer;
    this.#recent = recent;
    this.#segments = new Segments(prepared, sealer);
    this.#uploads = uploads;
    this.#quarantine = quarantine;
    this.#hours = hours;
    const tailOf = (channel: number): ChannelTail | undefined => this.#tails.get(channel);
    this.#files = new FileMarks({ prepared, sealer, quarantine, tailOf });
    this.#tails = readTails(prepared, sealer);
  }

  get tails(): ReadonlyMap<number, ChannelTail> {
    return this.#tails;
  }

  /** Reads the tails again: after a rollback, or when a channel was added. */
  reload(): void {
    this.#tails = readTails(this.#prepared, this.#sealer);
    this.#quarantine.reload();
    this.#segments.rollback();
    this.#uploads.rollback();
    this.#files.rollback();
    this.#hours.reload();
    this.#fresh = [];
  }

  /** The entries of a batch come next. */
  expect(batch: PackedBatch): void {
    if (batch.files > 0) this.#files.expect(batch);
  }

  /**
   * A block of quarantine becomes a message.
   *
   * @param replaces its number, if it was one before (06 TP31)
   */
  release(entry: TicketedEntry, recentRow: number, replaces?: MessageIdentity): Appended {
    this.#key.set(entry.controlKey, entry.sha256);
    const marked = { flag: FLAG_RELEASED, replaces, isKnown: true };
    return this.#storeIn(this.#tails.get(entry.channel), entry, recentRow, marked);
  }

  /**
   * A settled message once more at the end of its channel, for an operator. A repeat that its sender
   * sends is one of the first copy, as before.
   *
   * @param flag what is known of the first copy
   */
  copy(entry: TicketedEntry, recentRow: number, flag: number): Appended {
    if (entry.upload !== 0) this.#uploads.retain(entry.upload);
    const marked = { flag: flag | FLAG_REPLAYED, replaces: undefined, isKnown: false };
    return this.#storeIn(this.#tails.get(entry.channel), entry, recentRow, marked);
  }

  /**
   * An unsettled message once more, in the epoch that the channel is moving to (06 TP18).
   *
   * @param entry without its control key, which only the duplicate memory knows
   * @param from the row that it is a copy of: a repeat is one of the copy from now on
   * @param flag what is known of the first copy
   */
  reissue(
    entry: Omit<TicketedEntry, "controlKey">,
    recentRow: number,
    { from, flag, replaces }: { from: number; flag: number; replaces: MessageIdentity },
  ): Appended {
    const tail = this.#tails.get(entry.channel)?.filling;
    const key = this.#recent.entryOf(from);
    if (key !== undefined) this.#key.setFrom(key);
    if (entry.upload !== 0) this.#uploads.retain(entry.upload);
    const marked = { flag: flag | FLAG_REISSUED, replaces, isKnown: key !== undefined };
    return this.#storeIn(tail, { ...entry, controlKey: NO_TOKEN }, recentRow, marked);
  }

  /** @param recentRow the row of `recent` that `flush` will write in this transaction */
  append(entry: TicketedEntry, recentRow: number): Appended {
    this.#uploads.name(entry.upload, entry.uploadBytes, entry.claim?.isLast === false);
    return entry.claim === undefined
      ? this.#append(entry, recentRow)
      : this.#appendOfFile(entry, entry.claim, recentRow);
  }

  #append(entry: TicketedEntry, recentRow: number): Appended {
    this.#key.set(entry.controlKey, entry.sha256);
    if (entry.quarantine !== undefined) return this.#setAside(entry);
    const repeat = entry.duplicates === "off" ? undefined : this.#repeatOf(entry);
    if (repeat === undefined) return this.#store(entry, recentRow, 0);
    if (entry.duplicates === "forwardFlagged") return this.#store(entry, recentRow, FLAG_DUPLICATE);
    this.#hours.repeated(entry.channel, entry.receivedAtMs);
    return repeat;
  }

  /** Writes the bodies and the keys of this transaction; call once, before the commit. @returns whether there were any keys */
  flush(recentRow: number): boolean {
    this.#segments.flush();
    this.#uploads.flush();
    this.#quarantine.flush();
    this.#files.flush();
    this.#hours.flush();
    if (this.#fresh.length === 0) return false;
    const place = { column: "recent.entries", channel: 0, row: recentRow } as const;
    this.#prepared.recentInsert.run(recentRow, this.#sealer.seal(this.#fresh, place));
    this.#fresh = [];
    return true;
  }

  #appendOfFile(entry: TicketedEntry, mark: ClaimMark, recentRow: number): Appended {
    const { ticket } = entry;
    const barred = this.#files.barred(entry, mark);
    if (barred !== undefined) {
      return { ticket, ...UNFLAGGED, outcome: barredOutcome(barred, entry), id: 0, seq: 0n };
    }
    const appended = this.#append(entry, recentRow);
    const { outcome, id, seq } = appended;
    if (entry.quarantine === undefined) {
      this.#files.tookMessage(outcome === OUTCOME.stored ? seq : undefined);
    } else this.#files.tookBlock(outcome === OUTCOME.quarantineFull ? undefined : id);
    return appended;
  }

  #repeatOf(entry: TicketedEntry): (Appended & { readonly released: boolean }) | undefined {
    const hit = this.#recent.find(this.#key.words, entry.receivedAtMs - entry.duplicateWindowMs);
    if (hit === undefined) return undefined;
    const stored = this.#prepared.messageIdentity.get(hit.id) as
      | [Uint8Array, bigint, bigint, bigint]
      | undefined;
    // A key without its row proves nothing: an extra copy is preferred to a loss.
    if (stored === undefined) return undefined;
    if (Buffer.compare(stored[0], this.#sealer.token(TOKEN_OF_CONTENT, entry.sha256)) !== 0) {
      return undefined;
    }
    const common = { ticket: entry.ticket, ...UNFLAGGED, id: hit.id };
    const seq = this.#seqToWaitFor(entry.channel, stored[1], stored[2]);
    const released = (Number(stored[3]) & FLAG_RELEASED) !== 0;
    return { ...common, outcome: OUTCOME.repeat, seq, released };
  }

  /** By which number, in the channel's epoch, whoever waits for the receiver knows that it has the message. */
  #seqToWaitFor(channel: number, epoch: bigint, seq: bigint): bigint {
    const tail = this.#tails.get(channel);
    if (tail === undefined || epoch === tail.epoch) return seq;
    const ended = tail.earlier.find((one) => one.epoch === epoch);
    return ended !== undefined && seq <= ended.ackedSeq ? 0n : SEQ_ELSEWHERE;
  }

  #store(entry: TicketedEntry, recentRow: number, flag: number): Appended {
    const tail = this.#tails.get(entry.channel);
    return this.#storeIn(tail, entry, recentRow, {
      ...{ flag, replaces: undefined, isKnown: true },
    });
  }

  #storeIn(
    tail: GrowingEpoch | undefined,
    entry: TicketedEntry,
    recentRow: number,
    { flag, replaces, isKnown }: Marked,
  ): Appended {
    if (tail?.lastChain === undefined)
      throw new RangeError(`Cannot append to channel ${entry.channel}`);
    const known = flag === 0 && entry.controlId.length > 0 && entry.duplicates !== "off";
    const controlIdReused = known && this.#recent.hasControl(this.#key.words);
    const seq = tail.lastSeq + 1n;
    const chain = nextChain(tail.lastChain, tail.epoch, seq, entry.sha256);
    const flags =
      flag |
      (controlIdReused ? FLAG_CONTROL_ID_REUSED : 0) |
      (entry.ackOwed ? 0 : FLAG_ACK_NOT_OWED);
    const { channel, sha256, controlId, source, attributes, body } = entry;
    const identity = { epoch: tail.epoch, seq };
    const record = { identity, sha256, chain, replaces, controlId, source, attributes, body };
    const place = this.#segments.add(channel, record);
    if ((flag & (FLAG_REISSUED | FLAG_REPLAYED)) === 0) this.#uploads.use(entry.upload);
    const throughBytes = tail.lastBytes + entry.length + entry.attributes.length;
    const { lastInsertRowid } = this.#prepared.messageInsert.run(
      entry.channel,
      tail.epoch,
      seq,
      entry.receivedAtMs,
      entry.length,
      flags,
      place.segment,
      place.at,
      entry.upload,
      entry.uploadAt,
      throughBytes,
      controlId.length === 0 ? NO_TOKEN : this.#sealer.token(TOKEN_OF_CONTROL_ID, controlId),
      this.#sealer.token(TOKEN_OF_CONTENT, sha256),
    );
    if (!this.#isReserved(channel)) {
      const isCopy = (flag & (FLAG_RELEASED | FLAG_REISSUED | FLAG_REPLAYED)) !== 0;
      const { epoch, lastChain: before } = tail;
      const { receivedAtMs } = entry;
      const chains = { before, after: chain };
      this.#hours.numbered({ direction: UP, channel, epoch, seq, receivedAtMs, isCopy, ...chains });
    }
    tail.lastSeq = seq;
    tail.lastChain = chain;
    tail.lastBytes = throughBytes;
    const id = Number(lastInsertRowid);
    if (isKnown) this.#remember(id, entry.receivedAtMs, recentRow);
    const duplicate = flag === FLAG_DUPLICATE;
    return { ticket: entry.ticket, outcome: OUTCOME.stored, controlIdReused, duplicate, id, seq };
  }

  #setAside(entry: TicketedEntry): Appended {
    const appended = this.#setAsideIn(entry);
    const isFull = appended.outcome === OUTCOME.quarantineFull;
    const { channel, receivedAtMs } = entry;
    this.#hours.unnumbered(channel, receivedAtMs, isFull ? "refused" : "quarantined");
    return appended;
  }

  #setAsideIn(entry: TicketedEntry): Appended {
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

  /** What we say ourselves did not come from anybody (06 TP35). */
  #isReserved(channel: number): boolean {
    return isReservedChannel(this.#tails.get(channel)?.name ?? "");
  }

  #remember(id: number, atMs: number, recentRow: number): void {
    const entry = Buffer.allocUnsafe(RECENT_ENTRY_BYTES);
    this.#key.writeEntry(entry, id, atMs);
    this.#recent.add(entry, recentRow);
    this.#fresh.push(entry);
  }
}

function barredOutcome(barred: Barred, { quarantine }: TicketedEntry): OutcomeCode {
  if (barred === "full") return OUTCOME.quarantineFull;
  if (barred === "ended") return OUTCOME.claimEnded;
  return quarantine === undefined ? OUTCOME.repeat : OUTCOME.quarantinedRepeat;
}
