/** What is read from the inbox: for delivery, for a person who asks. Each call is short. @module */
import { createHash, type Hash } from "node:crypto";
import type {
  Awaiting,
  Delivery,
  DeliveryHead,
  Hold,
  HoldReason,
  QuarantineReason,
  ReplyCode,
} from "../../deliver/queue.ts";
import { flagsFrom } from "./delivery-step.ts";
import { type BodyParts, bodyPiece, damaged } from "./inbox-bodies.ts";
import type { GapKind } from "./inbox-calls.ts";
import type { AsideMessage, InboxGap, InboxStanding } from "./inbox-messages.ts";
import { channelAt, headOf, rowAt } from "./inbox-rows.ts";
import { openAnswer } from "./sealed-answer.ts";

/** Bodies that are read in parts at a time: more than there can be channels, each of which delivers one after another. */
const READINGS_MAX_COUNT = 1_024;

/** A body of which parts were given out. */
interface Reading {
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly digest: Hash;
  done: number;
}

export class InboxReader {
  readonly #parts: BodyParts;
  readonly #readings = new Map<number, Reading>();

  constructor(parts: BodyParts) {
    this.#parts = parts;
  }

  next(name: string): Delivery | undefined {
    const channel = channelAt(this.#parts, name);
    if (channel === undefined) return undefined;
    const row = this.#parts.prepared.inboxNext.get(channel.id) as bigint[] | undefined;
    if (row === undefined) return undefined;
    const [id, epoch = 0n, seq = 0n, ...numbers] = row;
    const [receivedAtMs = 0, bytes = 0, claimed, mayRepeat, ...counts] = numbers.map(Number);
    const [negativeCount = 0, replyErrorCount = 0, timeoutCount = 0] = counts;
    return {
      ...{ id: Number(id), epoch, seq, receivedAtMs, bytes },
      // Whoever had it before this store may have sent it, too.
      claimed: claimed === 1 || mayRepeat === 1,
      ...{ negativeCount, replyErrorCount, timeoutCount },
    };
  }

  /** @returns `undefined` if its head is gone, or does not open */
  head(id: number): DeliveryHead | undefined {
    const row = rowAt(this.#parts, id);
    const head = row === undefined ? undefined : headOf(this.#parts, row);
    if (head === undefined) return undefined;
    const meta = Buffer.from(head.attributes, "latin1").toString();
    return { sha256: new Uint8Array(head.sha256), meta };
  }

  /**
   * The next part of a body, or the first one again. The last one is given out only if all of them have the
   * digest that the message was received with.
   *
   * @throws {AgentError} `STORE_BODY_DAMAGED`
   */
  body(id: number, from: number, maxBytes: number): Uint8Array<ArrayBuffer> {
    const reading = from === 0 ? this.#begin(id) : this.#readings.get(id);
    if (reading === undefined || reading.done !== from) {
      throw new RangeError(`Cannot read message ${id} of the inbox from ${from}`);
    }
    const piece = reading.length === 0 ? EMPTY : bodyPiece(this.#parts, id, from);
    if (piece === undefined) throw this.#lost(id);
    const part = new Uint8Array(piece.subarray(0, maxBytes));
    reading.digest.update(part);
    reading.done += part.length;
    if (reading.done < reading.length) return part;
    this.#readings.delete(id);
    const isWhole =
      reading.done === reading.length &&
      Buffer.compare(reading.digest.digest(), reading.sha256) === 0;
    if (!isWhole) throw damaged(id);
    return part;
  }

  awaiting(name: string): Awaiting[] {
    const channel = channelAt(this.#parts, name);
    if (channel === undefined) return [];
    type Row = [number, number, number, string, Uint8Array | null];
    const rows = this.#parts.prepared.inboxAwaitingList.all(channel.id) as Row[];
    return rows.map(([id, number, untilMs, flags, sealed]) => {
      const answer = openAnswer(this.#parts.sealer, { id, channel: number }, sealed);
      return { id, controlId: answer?.controlId ?? EMPTY, untilMs, flags: flagsFrom(flags) };
    });
  }

  held(name: string): Hold | undefined {
    const channel = channelAt(this.#parts, name);
    if (channel === undefined) return undefined;
    const row = this.#parts.prepared.inboxHeld.get(channel.id) as
      | [number, HoldReason, string]
      | undefined;
    if (row === undefined) return undefined;
    const [id, why, flags] = row;
    return { id, why, flags: flagsFrom(flags) };
  }

  standing(): InboxStanding[] {
    const { prepared } = this.#parts;
    type Row = [bigint, string, bigint, bigint, bigint, bigint, bigint, bigint];
    return (prepared.inboxChannelList.all() as Row[]).map(
      ([id, name, epoch, lastSeq, ...counts]) => {
        const [openCount = 0, openBytes = 0, asideCount = 0, asideBytes = 0] = counts.map(Number);
        const oldest = prepared.inboxNext.get(id) as bigint[] | undefined;
        const oldestWaitingAtMs = oldest === undefined ? undefined : Number(oldest[3]);
        return {
          ...{
            name,
            epoch,
            lastSeq,
            openCount,
            openBytes,
            asideCount,
            asideBytes,
            oldestWaitingAtMs,
          },
        };
      },
    );
  }

  /** Messages that were set aside before row `beforeId`, newest first. */
  aside(beforeId: number, count: number): AsideMessage[] {
    type Row = [
      ...[bigint, string, bigint, bigint, bigint, bigint, bigint],
      ...[QuarantineReason, ReplyCode | null, string],
    ];
    const rows = this.#parts.prepared.inboxAsideList.all(beforeId, count) as Row[];
    return rows.map((row) => {
      const [id, channel, epoch, seq, receivedAtMs, settledAtMs, bytes, reason, code, flags] = row;
      return {
        ...{ id: Number(id), channel, epoch, seq, receivedAtMs: Number(receivedAtMs) },
        ...{ settledAtMs: Number(settledAtMs), bytes: Number(bytes), reason },
        ...{ code: code ?? undefined, flags: flagsFrom(flags) },
      };
    });
  }

  /** Gap records after row `afterId`, oldest first (RI8). */
  gaps(afterId: number, count: number): InboxGap[] {
    type Row = [
      ...[bigint, string, bigint, bigint | null, bigint | null],
      ...[GapKind, bigint, bigint | null],
    ];
    const rows = this.#parts.prepared.inboxGapList.all(afterId, count) as Row[];
    return rows.map(([id, channel, epoch, firstSeq, lastSeq, kind, recordedAtMs, ackedAtMs]) => ({
      ...{ id: Number(id), channel, epoch, firstSeq, lastSeq, kind },
      ...{ recordedAtMs: Number(recordedAtMs) },
      acknowledgedAtMs: ackedAtMs === null ? null : Number(ackedAtMs),
    }));
  }

  #begin(id: number): Reading {
    const row = rowAt(this.#parts, id);
    const head = row === undefined ? undefined : headOf(this.#parts, row);
    if (row === undefined || head === undefined) throw this.#lost(id);
    const { length } = row;
    const sha256 = new Uint8Array(head.sha256);
    const reading = { length, sha256, digest: createHash("sha256"), done: 0 };
    this.#readings.delete(id);
    this.#readings.set(id, reading);
    const [oldest] = this.#readings.keys();
    if (oldest !== undefined && this.#readings.size > READINGS_MAX_COUNT) {
      this.#readings.delete(oldest);
    }
    return reading;
  }

  #lost(id: number): Error {
    this.#readings.delete(id);
    return damaged(id);
  }
}

const EMPTY = new Uint8Array(0);
