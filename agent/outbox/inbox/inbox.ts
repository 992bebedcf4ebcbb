/**
 * The inbox: downstream messages that are safe here, until a hospital system has them (06 TP34).
 *
 * Main-thread face of its part of the store. While the writer has one group of calls, the next ones collect and
 * then go as one: so many small calls share a flush without waiting for a timer (05 S7).
 *
 * @module
 */
import type { DeliveryQueue } from "../../deliver/queue.ts";
import { Subscribers } from "../../host/subscribers.ts";
import { COMMIT_MAX_BYTES, COMMIT_MAX_COUNT } from "../../limits.ts";
import { fromPlain } from "../format/fault.ts";
import { ChannelQueue } from "./channel-queue.ts";
import type {
  InboxCall,
  InboxIngestCall,
  InboxOpenCall,
  InboxOpenResult,
  InboxPartialCall,
  InboxPartialResult,
  InboxResult,
  InboxResults,
  InboxSkipCall,
} from "./inbox-calls.ts";
import type {
  AsideMessage,
  InboxAnswer,
  InboxGap,
  InboxRoomNotice,
  InboxSearched,
  InboxStanding,
  InboxWriter,
  InboxWrites,
} from "./inbox-messages.ts";

export interface InboxOptions {
  readonly writer: InboxWriter;
  readonly nowMs: () => number;
}

interface Waiting {
  readonly call: InboxCall;
  readonly answered: (answer: InboxAnswer) => void;
  readonly failed: (error: unknown) => void;
}

export class Inbox implements InboxWrites {
  readonly #options: InboxOptions;
  readonly #waiting: Waiting[] = [];
  readonly #arrivalListeners = new Map<string, Subscribers>();
  readonly #roomListeners: (() => void)[] = [];
  #isAsking = false;
  #hasRoom = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Whether the source may be given credit. Not before the store has looked, a moment after it was opened. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Calls `listener` whenever `hasRoom` has changed. */
  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  /** TP14 to TP17; durable when this resolves. */
  open(call: InboxOpenCall): Promise<InboxOpenResult> {
    return this.write({ call: "open", ...call });
  }

  /** RI1 and RI3 to RI7: what it says is stored is durable when this resolves (03 O1). */
  async ingest(call: InboxIngestCall): Promise<InboxResult> {
    const result = await this.write({ call: "ingest", ...call });
    if (result.kind === "ok" && result.arrivedCount > 0) this.#arrived(call.channel);
    return result;
  }

  /** TP31. */
  skip(call: InboxSkipCall): Promise<InboxResult> {
    return this.write({ call: "skip", ...call });
  }

  /** TP25: keeps a piece of a large message; durable when this resolves. */
  partial(call: InboxPartialCall): Promise<InboxPartialResult> {
    return this.write({ call: "partial", ...call });
  }

  /** What delivery works on. Of a channel that nothing has come for it is empty. */
  queueOf(channel: string): DeliveryQueue {
    const { writer, nowMs } = this.#options;
    const onArrival = (listener: () => void): Disposable => this.onArrival(channel, listener);
    return new ChannelQueue({ channel, writer, nowMs, inbox: this, onArrival });
  }

  /** Calls `listener` after each commit that brought messages of a channel. */
  onArrival(channel: string, listener: () => void): Disposable {
    const known = this.#arrivalListeners.get(channel) ?? new Subscribers();
    this.#arrivalListeners.set(channel, known);
    return known.add(listener);
  }

  standing(): Promise<readonly InboxStanding[]> {
    return this.#options.writer.ask("inboxStanding", undefined);
  }

  /** Messages that were set aside before row `beforeId`, newest first. */
  aside(beforeId: number, count: number): Promise<readonly AsideMessage[]> {
    return this.#options.writer.ask("inboxAside", { beforeId, count });
  }

  /** Looks through some messages before row `beforeId` for a control id, newest first. */
  search(controlId: string, beforeId: number): Promise<InboxSearched> {
    return this.#options.writer.ask("inboxSearch", { controlId, beforeId });
  }

  /** Gives messages up that were set aside; durable when this resolves. @returns how many were there */
  discard(ids: readonly number[]): Promise<number> {
    return this.write({ call: "discard", ids });
  }

  /** RI8, oldest first. */
  gaps(afterId: number, count: number): Promise<readonly InboxGap[]> {
    return this.#options.writer.ask("inboxGaps", { afterId, count });
  }

  /** A person has seen a gap. @returns whether it was there, and open */
  acknowledgeGap(id: number): Promise<boolean> {
    return this.write({ call: "acknowledgeGap", id, atMs: this.#options.nowMs() });
  }

  /** One change, with whatever queues beside it; durable when this resolves. @throws {AgentError} why not */
  write<Name extends InboxCall["call"]>(
    call: Extract<InboxCall, { readonly call: Name }>,
  ): Promise<InboxResults[Name]> {
    return new Promise((resolve, reject) => {
      const answered = (answer: InboxAnswer): void => {
        if ("fault" in answer) reject(fromPlain(answer.fault));
        // The writer answers the call that it was asked: `InboxResults` holds both types.
        else resolve(answer.result as InboxResults[Name]);
      };
      this.#waiting.push({ call, answered, failed: reject });
      if (!this.#isAsking) this.#askNext();
    });
  }

  /** The writer thread has something to say. */
  heard({ hasRoom }: InboxRoomNotice): void {
    this.#hasRoom = hasRoom;
    for (const listener of this.#roomListeners) listener();
  }

  #arrived(channel: string): void {
    this.#arrivalListeners.get(channel)?.tell();
  }

  #askNext(): void {
    const group = this.#takeGroup();
    this.#isAsking = group.length > 0;
    if (group.length === 0) return;
    const calls = group.map(({ call }) => call);
    this.#options.writer.ask("inbox", calls).then(
      (answers) => {
        for (const [index, answer] of answers.entries()) group[index]?.answered(answer);
        this.#askNext();
      },
      (error: unknown) => {
        for (const { failed } of group) failed(error);
        this.#askNext();
      },
    );
  }

  /** What one commit takes. A large message that is complete goes alone: it may have to be read first. */
  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { call } of this.#waiting) {
      if (count > 0 && (isLarge(call) || bytes >= COMMIT_MAX_BYTES)) break;
      count += 1;
      bytes += bytesOf(call);
      if (isLarge(call) || count === COMMIT_MAX_COUNT) break;
    }
    return this.#waiting.splice(0, count);
  }
}

const isLarge = (call: InboxCall): boolean =>
  call.call === "ingest" && call.items.some(({ body }) => body === null);

function bytesOf(call: InboxCall): number {
  if (call.call === "partial") return call.bytes.length;
  if (call.call !== "ingest") return 0;
  return call.items.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
}
