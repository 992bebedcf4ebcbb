/**
 * The inbox in the writer thread: everything that has queued is one transaction, which also carries the
 * reports of what was settled (03 O10). Between commits of the outbox; ingest goes first (05 S23).
 *
 * @module
 */
import { createHash, type Hash, hash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { AgentError } from "../../errors.ts";
import { toPlain, translated } from "../format/fault.ts";
import type { Appender } from "../writing/appender.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import * as delivery from "./delivery-step.ts";
import { forgetPartial, open, skip } from "./epoch-steps.ts";
import { digestBody } from "./inbox-bodies.ts";
import type { InboxCall, InboxIngestCall, InboxResults } from "./inbox-calls.ts";
import type { InboxAnswer } from "./inbox-messages.ts";
import { channelAt, type PartialRow, partialOf } from "./inbox-rows.ts";
import { ingest } from "./ingest-step.ts";
import type { StepParts } from "./locate.ts";
import { OUTCOMES_CHANNEL } from "./outcome-report.ts";
import { isPieceOf, type SavedPiece, savePartial } from "./partial-step.ts";

type IngestOf = Extract<InboxCall, { readonly call: "ingest" }>;
type AnyResult = InboxResults[keyof InboxResults];

/** A large body is read so much at a time, where its digest was not made along (after a restart). */
const READ_BYTES = 1_048_576;

/** One a channel, while a large message arrives on it. */
const DIGESTS_MAX_COUNT = 64;

export interface InboxStoreOptions {
  readonly store: GroupCommit;
  /** 16 bytes. */
  readonly storeId: Uint8Array;
  /** Downstream channels that the configuration names. */
  readonly channels: readonly string[];
  /** Called after a commit that wrote reports, with the last seq of `$outcomes`. */
  readonly onReported: (channel: number, lastSeq: bigint) => void;
  /** Whether the store has ended while bytes were read: nothing is written any more (05 S9). */
  readonly isHalted: () => boolean;
  /** Called with why a call was refused that was tried alone. */
  readonly onRefused: (error: AgentError) => void;
}

/** What is known of the bytes of a message that has not ended; `digest` of the first `bytes`. */
interface Along {
  readonly digest: Hash;
  bytes: number;
}

export class InboxStore {
  readonly #options: InboxStoreOptions;
  readonly #parts: StepParts;
  readonly #named: Set<string>;
  /** By partial. */
  readonly #digests = new Map<number, Along>();
  /** The last partial whose bytes did not come to a digest at all. */
  #unreadable = 0;
  #lastId: number;

  constructor(options: InboxStoreOptions) {
    const { store, storeId, channels } = options;
    const { prepared, sealer, hours } = store;
    this.#options = options;
    this.#lastId = lastBodyId(store);
    this.#named = new Set(channels);
    this.#parts = {
      ...{ prepared, sealer, hours, storeId, named: this.#named },
      newId: () => ++this.#lastId,
    };
  }

  /** Downstream channels that the configuration names from now on. */
  serve(channels: readonly string[]): void {
    this.#named.clear();
    for (const name of channels) this.#named.add(name);
  }

  /**
   * Carries out calls in their order, in one commit.
   *
   * @returns only after COMMIT has returned: what is answered is durable. Where the store refuses, each call is
   *   tried alone; those about messages are then answered `busy`. A promise, where bytes have to be read first
   * @throws {AgentError} what halts
   */
  write(calls: readonly InboxCall[]): InboxAnswer[] | Promise<InboxAnswer[]> {
    const unread = calls.filter(isIngest).flatMap((call) => this.#unreadPartial(call) ?? []);
    if (unread.length === 0) return this.#write(calls);
    return this.#readThrough(unread).then(() => this.#write(calls));
  }

  #write(calls: readonly InboxCall[]): InboxAnswer[] {
    try {
      return this.#commit(calls);
    } catch (error) {
      const fault = this.#options.store.budget.refusal(translated(error), []);
      if (fault.disposition === "halt") throw fault;
      if (calls.length > 1) return calls.flatMap((call) => this.#write([call]));
      this.#options.onRefused(fault);
      return calls.map((call) => this.#refused(call, fault));
    }
  }

  #commit(calls: readonly InboxCall[]): InboxAnswer[] {
    const { store, onReported } = this.#options;
    // RI1, before the transaction.
    const unlike = new Map(calls.filter(isIngest).map((call) => [call, unlikeItsDigest(call)]));
    const pieces: SavedPiece[] = [];
    const results: AnyResult[] = [];
    const reported: [channel: number, seq: bigint][] = [];
    const isMessages = calls.some(({ call }) => call === "ingest" || call === "partial");
    store.appendAgain(
      (appender, recentRow) => {
        const step = { appender, recentRow, reported, pieces };
        for (const call of calls) {
          const seq = call.call === "ingest" ? unlike.get(call) : undefined;
          results.push(seq === undefined ? this.#carryOut(call, step) : { kind: "hash", seq });
        }
      },
      isMessages ? "messages" : "progress",
    );
    for (const piece of pieces) this.#digestAlong(piece);
    const last = reported.at(-1);
    if (last !== undefined) onReported(...last);
    return results.map((result) => ({ result }));
  }

  #carryOut(call: InboxCall, step: Step): AnyResult {
    const parts = this.#parts;
    const { prepared } = parts;
    switch (call.call) {
      case "open":
        return open(parts, call);
      case "ingest":
        return ingest(parts, call, this.#isPartialWhole(call));
      case "skip":
        return skip(parts, call);
      case "partial":
        return savePartial(parts, call, (piece) => step.pieces.push(piece));
      case "claim":
        prepared.inboxClaim.run(call.id);
        return undefined;
      case "noteTries": {
        const { negativeCount, replyErrorCount, timeoutCount } = call.tries;
        prepared.inboxTries.run(negativeCount, replyErrorCount, timeoutCount, call.id);
        return undefined;
      }
      case "awaitAcknowledgment":
        delivery.awaitAcknowledgment(parts, call.awaiting, call.reply);
        return undefined;
      case "hold":
        delivery.hold(parts, call.hold, call.reply);
        return undefined;
      case "release":
        prepared.inboxRelease.run(call.id);
        return undefined;
      case "settle":
        this.#settle(call, step);
        return undefined;
      case "discard":
        return delivery.discard(parts, call.ids);
      case "acknowledgeGap":
        return prepared.inboxGapAcknowledge.run(call.atMs, call.id).changes === 1;
    }
  }

  #settle(
    { id, outcome, atMs }: Extract<InboxCall, { readonly call: "settle" }>,
    { appender, recentRow, reported }: Step,
  ): void {
    const tails = [...this.#options.store.tails.values()];
    const outcomes = tails.find(({ name }) => name === OUTCOMES_CHANNEL)?.channel;
    if (outcomes === undefined) throw new RangeError("Cannot settle without a channel for reports");
    const entry = delivery.settle(this.#parts, id, outcome, { atMs, outcomes });
    if (entry !== undefined) reported.push([outcomes, appender.append(entry, recentRow).seq]);
  }

  /** What a single call is answered that the store did not take. */
  #refused(call: InboxCall, fault: AgentError): InboxAnswer {
    switch (call.call) {
      case "open":
      case "ingest":
      case "skip":
        return { result: { kind: "busy" } };
      case "partial":
        if (fault.code !== "STORE_BODY_DAMAGED") return { result: { kind: "busy" } };
        this.#forget(call.channel);
        return { result: { kind: "restart" } };
      default:
        return { fault: toPlain(fault) };
    }
  }

  /** A piece that cannot be read any more: the message begins again. */
  #forget(name: string): void {
    const channel = channelAt(this.#parts, name);
    if (channel === undefined) return;
    this.#options.store.inTransaction(() => forgetPartial(this.#parts, channel.id));
  }

  /** The digest of a large message is made while it arrives: made at its end it would hold up others. */
  #digestAlong({ body, offset, bytes }: SavedPiece): void {
    const along =
      offset === 0 ? { digest: createHash("sha256"), bytes: 0 } : this.#digests.get(body);
    if (along?.bytes !== offset) {
      this.#digests.delete(body);
      return;
    }
    // Of messages that were given up meanwhile: whoever is forgotten wrongly is read through at its end.
    if (this.#digests.size >= DIGESTS_MAX_COUNT) this.#digests.clear();
    along.digest.update(bytes);
    along.bytes += bytes.length;
    this.#digests.set(body, along);
  }

  /** The partial that an item means as its body; `undefined`: there is none that is complete. */
  #completeOf({ channel: name, epoch, first, items }: InboxIngestCall): PartialRow | undefined {
    const [item] = items;
    const channel = channelAt(this.#parts, name);
    if (item?.body !== null || channel === undefined) return undefined;
    const partial = partialOf(this.#parts, channel.id);
    if (partial === undefined || partial.durable !== partial.total) return undefined;
    const { sha256 } = item;
    const call = { channel: name, epoch, atMs: 0, seq: first, sha256, totalBytes: partial.total };
    return isPieceOf(partial, call) ? partial : undefined;
  }

  #isPartialWhole(call: InboxIngestCall): boolean {
    const partial = this.#completeOf(call);
    const along = partial === undefined ? undefined : this.#digests.get(partial.id);
    if (partial?.sha256 === undefined || along?.bytes !== partial.total) return false;
    return Buffer.compare(along.digest.copy().digest(), partial.sha256) === 0;
  }

  /** The body of a call whose digest was not made along. */
  #unreadPartial(call: InboxIngestCall): PartialRow | undefined {
    const partial = this.#completeOf(call);
    if (partial === undefined || this.#unreadable === partial.id) return undefined;
    return this.#digests.get(partial.id)?.bytes === partial.total ? undefined : partial;
  }

  /** In pieces, between which other orders have their turn. */
  async #readThrough(partials: readonly PartialRow[]): Promise<void> {
    for (const { id, total } of partials) {
      const reading = digestBody(this.#parts, { body: id, length: total });
      let unseen = 0;
      let piece = reading.next();
      for (; piece.done !== true; piece = reading.next()) {
        unseen += piece.value;
        if (unseen < READ_BYTES) continue;
        unseen = 0;
        await turn();
        if (this.#options.isHalted()) throw new AgentError("STORE_BUSY", { closing: true });
      }
      if (piece.value === undefined) this.#unreadable = id;
      else this.#digests.set(id, { digest: piece.value, bytes: total });
    }
  }
}

interface Step {
  readonly appender: Appender;
  readonly recentRow: number;
  /** Reports that were written: their channel and seq. */
  readonly reported: [channel: number, seq: bigint][];
  readonly pieces: SavedPiece[];
}

const isIngest = (call: InboxCall): call is IngestOf => call.call === "ingest";

/** RI1. @returns the first seq whose bytes are not what its item says */
function unlikeItsDigest({ first, items }: InboxIngestCall): bigint | undefined {
  const at = items.findIndex(
    ({ body, sha256 }) =>
      body !== null && Buffer.compare(hash("sha256", body, "buffer"), sha256) !== 0,
  );
  return at < 0 ? undefined : first + BigInt(at);
}

/** The highest number that was ever given out. */
export function lastBodyId({ prepared }: Pick<GroupCommit, "prepared">): number {
  const of = (table: string): number =>
    (prepared.sequenceRead.get(table) as number | undefined) ?? 0;
  return Math.max(of("inbox"), of("inbox_partial"));
}
