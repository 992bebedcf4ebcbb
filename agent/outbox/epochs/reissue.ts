/**
 * Moves a channel to a new epoch after its history and the receiver's have parted (06 TP18).
 *
 * Everything unsettled of the parted epoch and of all later ones is appended again, in order, to an epoch
 * that nobody knows yet, in short transactions; messages go on coming in the current epoch and are moved
 * as well. The last step finds nothing left and makes the new epoch the current one in the same
 * transaction, so that no message ever stands before an earlier one, and a crash anywhere goes on here:
 *
 * ```
 * cursor of a parted epoch     ended 0 or 1, moved = up to which it was appended again  ──► ended 2
 * cursor of the new epoch      ended 3 ────────────────────────────────────────────────────► ended 0
 * ```
 *
 * @module
 */
import { AgentError } from "../../errors.ts";
import { COMMIT_MAX_BYTES } from "../../limits.ts";
import { larger, smaller } from "../bigints.ts";
import { ACK_PENDING, readRange, type StoredMessage } from "../reader.ts";
import type { TicketedEntry } from "../writing/append-batch.ts";
import {
  type Appender,
  FLAG_ACK_NOT_OWED,
  FLAG_CONTROL_ID_REUSED,
  FLAG_DUPLICATE,
  FLAG_REFUSED,
  FLAG_RELEASED,
  FLAG_REPLAYED,
} from "../writing/appender.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import type { Prepared } from "../writing/prepared.ts";
import { COMPLETE_UPLOAD } from "../writing/uploads.ts";
import type { StoreNotice } from "../writing/writer-messages.ts";
import { type ChannelTail, EPOCH_END, type EpochStanding } from "./channel-tails.ts";
import type { SinkPosition } from "./epoch-messages.ts";
import { END_UNKNOWN, type MissingRange, noteMissing } from "./missing.ts";

/** Numbers have 63 bits on the wire (06 section 3). */
const SEQ_MAX = 2n ** 63n - 1n;
/** What a receiver may drive a channel to; what is above is left for epochs that this side has to begin. */
const EPOCH_MAX = SEQ_MAX - 2n ** 32n;
/** What one step moves, bodies and rows: a few milliseconds. It grows where messages come faster than that. */
const STEP_BYTES = 512 * 1024;
/** What a row counts besides its body: small messages cost their inserts, not their bytes. */
const ROW_BYTES = 2048;
const KEPT_FLAGS =
  FLAG_CONTROL_ID_REUSED | FLAG_DUPLICATE | FLAG_RELEASED | FLAG_REPLAYED | FLAG_REFUSED;
const NO_BODY = new Uint8Array(0);

export interface ReissueOptions {
  readonly store: GroupCommit;
  readonly tell: (notice: StoreNotice) => void;
  readonly nowMs: () => number;
}

/** What one step moves. */
interface Load {
  readonly parts: LoadPart[];
  readonly damaged: MissingRange[];
  /** Nothing is left behind it. */
  readonly isLast: boolean;
}

interface LoadPart {
  readonly source: EpochStanding;
  readonly messages: readonly StoredMessage[];
  /** The last seq of it, damaged ones included. */
  readonly through: bigint;
}

export class Reissue implements Chore {
  readonly name = "reissue";
  readonly #options: ReissueOptions;
  #stepBytes = STEP_BYTES;
  #leftBefore = SEQ_MAX;

  constructor(options: ReissueOptions) {
    this.#options = options;
  }

  /**
   * Begins to move a channel, durably; the chore does the rest.
   *
   * @param epoch the one that has parted
   * @param sink where the receiver stands; what it holds of `sink.epoch` up to there is told to it as that
   *   epoch's end, so that it knows nothing to be missing that comes again
   * @returns false if that epoch is not here, or what was unsettled of it was appended again already
   * @throws {AgentError} `CHANNEL_PARTED` if there is no number for another epoch
   */
  begin(channel: number, epoch: bigint, sink: SinkPosition): boolean {
    const { store } = this.#options;
    const tail = store.tails.get(channel);
    if (tail === undefined) return false;
    if (tail.filling !== undefined) return true;
    const epochs = [...tail.earlier, tail];
    const parted = epochs.filter((one) => one.epoch >= epoch && one.ended !== EPOCH_END.reissued);
    if (!parted.some((one) => one.epoch === epoch)) return false;
    let highest = sink.epoch;
    for (const one of epochs) highest = larger(highest, one.epoch);
    if (highest >= EPOCH_MAX) throw new AgentError("CHANNEL_PARTED", { epoch: highest });
    const { prepared } = store;
    const gone = goneBefore(tail, sink);
    store.inTransaction(() => {
      for (const one of parted) {
        const final = one.epoch === sink.epoch ? finalOf(one, sink.lastSeq) : null;
        prepared.cursorMove.run(startOf(one, sink), final, channel, one.epoch);
      }
      if (!epochs.some((one) => one.epoch === sink.epoch)) {
        // Never ours: only so that OPEN of the new epoch can name it.
        prepared.cursorBegin.run(channel, sink.epoch, EPOCH_END.reissued, sink.lastSeq);
      }
      prepared.cursorBegin.run(channel, highest + 1n, EPOCH_END.filling, null);
      if (gone !== undefined) noteMissing(prepared, gone, this.#options.nowMs());
    });
    store.reload();
    if (gone !== undefined) this.#options.tell({ notice: "missing", name: tail.name, range: gone });
    return true;
  }

  step(): number {
    for (const tail of this.#options.store.tails.values()) {
      if (tail.filling === undefined) continue;
      this.#move(tail);
      return 0;
    }
    return Number.POSITIVE_INFINITY;
  }

  #move(tail: ChannelTail): void {
    const { store, tell } = this.#options;
    // Before the transaction: after a page that cannot be read SQLite takes no more writes of the same one.
    const load = this.#load(tail);
    store.appendAgain((appender, recentRow) => {
      for (const part of load.parts) this.#append(tail.channel, part, appender, recentRow);
      for (const range of load.damaged) noteMissing(store.prepared, range, this.#options.nowMs());
      if (load.isLast) takeOver(store.prepared, tail);
    }, "move");
    for (const { source, through } of load.parts) source.moved = through;
    for (const range of load.damaged) tell({ notice: "missing", name: tail.name, range });
    this.#pace(tail, load.isLast);
    if (!load.isLast) return;
    store.reload();
    const begun = store.tails.get(tail.channel);
    if (begun === undefined) return;
    const lastMessageId = (store.prepared.messageLastId.get() as number | null) ?? 0;
    tell({ notice: "epochBegun", cause: "parted", tail: begun, lastMessageId });
  }

  /** The next messages to move, up to the bytes of a step. */
  #load(tail: ChannelTail): Load {
    const { readParts } = this.#options.store;
    const load: Load = { parts: [], damaged: [], isLast: false };
    let bytes = 0;
    for (const source of sourcesOf(tail)) {
      let afterSeq = source.moved ?? 0n;
      for (let atEnd = false; !atEnd; ) {
        const limits = { maxBytes: this.#stepBytes - bytes, maxCount: 100 };
        const range = { channel: tail.channel, epoch: source.epoch, afterSeq, ...limits };
        const { messages, damagedSeq } = readRange(readParts, range, source.lastSeq);
        for (const { body } of messages) bytes += (body?.length ?? 0) + ROW_BYTES;
        afterSeq = damagedSeq ?? messages.at(-1)?.seq ?? afterSeq;
        if (damagedSeq !== undefined) {
          addDamaged(load.damaged, tail.channel, source.epoch, damagedSeq);
          bytes += ROW_BYTES;
        }
        atEnd = messages.length === 0 && damagedSeq === undefined;
        if (!atEnd) load.parts.push({ source, messages, through: afterSeq });
        if (bytes >= this.#stepBytes) return load;
      }
    }
    return { ...load, isLast: true };
  }

  #append(
    channel: number,
    { source, messages, through }: LoadPart,
    appender: Appender,
    recentRow: number,
  ): void {
    const { prepared } = this.#options.store;
    const acksThrough = prepared.ackThroughRead.get() as number;
    for (const message of messages) {
      const own = { epoch: source.epoch, seq: message.seq };
      // An epoch that the receiver never opened says nothing to it: the number before that one may.
      const replaces = source.final === null ? (message.replaces ?? own) : own;
      const marked = { from: message.id, flag: message.flags & KEPT_FLAGS, replaces };
      const { id } = appender.reissue(entryOf(channel, message), recentRow, marked);
      copyAckState(prepared, message, id, acksThrough);
    }
    prepared.cursorMove.run(through, source.final, channel, source.epoch);
  }

  /** Where messages come faster than they are moved, a larger step catches up with them. */
  #pace(tail: ChannelTail, isWhole: boolean): void {
    let left = 0n;
    for (const { lastSeq, moved } of sourcesOf(tail)) left += lastSeq - (moved ?? 0n);
    if (isWhole) this.#stepBytes = STEP_BYTES;
    else if (left >= this.#leftBefore) {
      this.#stepBytes = Math.min(this.#stepBytes * 2, COMMIT_MAX_BYTES);
    }
    this.#leftBefore = isWhole ? SEQ_MAX : left;
  }
}

/** Those that are being moved, oldest first. */
const sourcesOf = (tail: ChannelTail): EpochStanding[] =>
  [...tail.earlier, tail].filter(({ moved }) => moved !== undefined);

/**
 * Behind which message of a parted epoch the move begins. What is settled stays, unless the receiver does
 * not hold it (it was put back to an older state) and we do.
 */
function startOf({ epoch, ackedSeq, trimmedSeq }: EpochStanding, sink: SinkPosition): bigint {
  if (epoch < sink.epoch) return ackedSeq;
  const held = epoch === sink.epoch ? smaller(ackedSeq, sink.lastSeq) : 0n;
  return larger(held, trimmedSeq);
}

/**
 * The end that the receiver is told of the epoch that it knows: what it holds, for the rest comes again;
 * more where we know that messages are gone, behind our last one or before our oldest.
 */
function finalOf({ lastSeq, trimmedSeq, final }: EpochStanding, heldSeq: bigint): bigint {
  const lost = final !== null && final > lastSeq ? final : 0n;
  return larger(larger(heldSeq, trimmedSeq), lost);
}

/**
 * What the receiver has of this channel and we do not: the store is older than it was, and nothing here had
 * noticed. How much there was beyond what the receiver has, nobody knows (05 S17).
 */
function goneBefore(tail: ChannelTail, sink: SinkPosition): MissingRange | undefined {
  const { channel, epoch, lastSeq } = tail;
  const isBehind = sink.epoch > epoch || (sink.epoch === epoch && sink.lastSeq > lastSeq);
  if (!isBehind) return undefined;
  const firstSeq = sink.epoch === epoch ? lastSeq + 1n : 1n;
  return { channel, epoch: sink.epoch, firstSeq, lastSeq: END_UNKNOWN, cause: "rollback" };
}

function takeOver(prepared: Prepared, tail: ChannelTail): void {
  for (const { epoch, final, ackedSeq } of sourcesOf(tail)) {
    // The receiver must not look for it under its old numbers.
    prepared.stretchRetellBehind.run(tail.channel, epoch, ackedSeq);
    prepared.cursorEnd.run(EPOCH_END.reissued, final, tail.channel, epoch);
    const { filling, channel } = tail;
    // Whoever waits for a message of it waits for all that was appended again.
    if (filling !== undefined) {
      prepared.fileEpochInsert.run(channel, epoch, filling.epoch, filling.lastSeq);
    }
  }
  prepared.cursorEnd.run(EPOCH_END.current, null, tail.channel, tail.filling?.epoch);
}

function entryOf(channel: number, message: StoredMessage): Omit<TicketedEntry, "controlKey"> {
  const { receivedAtMs, length, sha256, controlId, source, body, upload, uploadAt } = message;
  return {
    ...{
      ticket: 0,
      claim: undefined,
      channel,
      quarantine: undefined,
      duplicates: "off",
      duplicateWindowMs: 0,
    },
    ackOwed: (message.flags & FLAG_ACK_NOT_OWED) === 0,
    ...{ receivedAtMs, length, sha256, controlId, source, upload, uploadAt },
    body: body ?? NO_BODY,
    uploadBytes: COMPLETE_UPLOAD,
    attributes: message.attributes,
    claim: undefined,
  };
}

/** 03 E5: what became of the reply is known of the first copy, or not yet known. */
function copyAckState(
  prepared: Prepared,
  { id, flags }: StoredMessage,
  copyId: number,
  acksThrough: number,
): void {
  if ((flags & FLAG_ACK_NOT_OWED) !== 0) return;
  const exception = prepared.ackExceptionAt.get(id) as [number, number] | undefined;
  const known = exception !== undefined && id <= exception[0] ? exception[1] : undefined;
  const state = known ?? (id > acksThrough ? ACK_PENDING : undefined);
  if (state !== undefined) prepared.ackExceptionInsert.run(copyId, copyId, state);
}

/** One range for what lies behind one another: a flipped bit costs a whole segment. */
function addDamaged(ranges: MissingRange[], channel: number, epoch: bigint, seq: bigint): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.epoch === epoch && last.lastSeq + 1n === seq) {
    ranges[ranges.length - 1] = { ...last, lastSeq: seq };
  } else ranges.push({ channel, epoch, firstSeq: seq, lastSeq: seq, cause: "damaged" });
}
