/**
 * A channel of a played agent: its messages are numbered, kept for ever, and sent until they are acked; and
 * a witness who holds the receiver to its word.
 *
 * - A receiver that says less than it once acked has forgotten a message. That is written down here, before
 *   the message is sent again and nobody can see it any more.
 * - What OPENED of a new connection does not count can never be stored, whatever an old node still holds of
 *   it (RI2). So its numbers get another content each time, which no true agent would do, and where an old
 *   node was left with some of it, nothing is sent before that has arrived: a node that writes after its
 *   fence is found by it.
 *
 * @module
 */
import { hash } from "node:crypto";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { OPENED_STATUS, type OpenedFrame, type RejectFrame } from "#protocol/frame.ts";
import type {
  OutgoingMessage,
  StreamSource,
  StreamStanding,
} from "#streams/source/source-stream.ts";
import { LATE_MS } from "./balancer.ts";
import { messageAt, type Place } from "./numbered-messages.ts";

const EPOCH = 1n;
/** 06 section 8: what may pass is tried again at most once a second. */
const RETRY_MS = 1_000;
/** What an old node was left with has reached it by then. */
const REST_MS = LATE_MS + 200;

export interface SourceTally {
  /** Messages that went out again. */
  resentCount: number;
  /** Large messages that went on where the receiver had stored them. */
  resumedCount: number;
  readonly rejections: Map<number, number>;
  readonly reasons: string[];
}

export const newTally = (): SourceTally => ({
  ...{ resentCount: 0, resumedCount: 0, rejections: new Map(), reasons: [] },
});

export class NumberedSource implements StreamSource {
  readonly channel: string;
  /** Called when OPEN has to be sent again. */
  reopen: () => void = () => {};
  /** Called when there are messages again. */
  wake: () => void = () => {};
  readonly #place: Omit<Place, "number" | "edition">;
  readonly #tally: SourceTally;
  /** After each number, from 0. */
  readonly #chain: Uint8Array[] = [CHAIN_START];
  #appended = 0;
  #acked = 0;
  /** In this connection. */
  #taken = 0;
  /** In any, and not void since. */
  #everTaken = 0;
  #mostTaken = 0;
  /** Of number n at n - 1. */
  readonly editions: number[] = [];
  #isNewConnection = true;
  #partial: OpenedFrame["partial"];

  readonly #leftBehindCount: () => number;
  #knownLeftBehindCount = 0;
  #isResting = false;

  /** @param leftBehindCount how many connections of the agent were left to a node that believes in them */
  constructor(
    place: Omit<Place, "number" | "edition">,
    tally: SourceTally,
    leftBehindCount: () => number,
  ) {
    this.channel = place.channel;
    this.#place = place;
    this.#tally = tally;
    this.#leftBehindCount = leftBehindCount;
  }

  /** `agent channel` */
  get name(): string {
    return `${this.#place.agent} ${this.channel}`;
  }

  append(count: number): void {
    this.#appended += Math.max(0, count);
  }

  get appendedCount(): number {
    return this.#appended;
  }

  get waitingCount(): number {
    return this.#appended - this.#acked;
  }

  get inFlight(): boolean {
    return this.#taken > this.#acked;
  }

  standing(): StreamStanding {
    const oldestRetainedSeq = this.#everTaken === 0 ? null : 1n;
    return { epoch: EPOCH, nextSeq: BigInt(this.#acked + 1), oldestRetainedSeq, previous: null };
  }

  async opened(frame: OpenedFrame): Promise<boolean> {
    const last = Number(frame.lastSeq);
    if (frame.status !== OPENED_STATUS.ok || frame.epoch !== EPOCH) {
      this.#blame(`OPENED has status ${frame.status}, epoch ${frame.epoch}`);
      return false;
    }
    if (last < this.#acked) this.#blame(`acked up to ${this.#acked}, then OPENED says ${last}`);
    if (last > this.#everTaken) this.#blame(`OPENED says ${last} of ${this.#everTaken}`);
    const own = this.#chain[last];
    if (own === undefined || frame.chain === null || Buffer.compare(own, frame.chain) !== 0) {
      this.#blame(`OPENED has another chain at ${last}`);
    }
    this.#acked = Math.max(last, this.#acked);
    this.#taken = last;
    this.#partial = frame.partial;
    if (this.#isNewConnection) {
      this.#rest();
      this.#void(last + (frame.partial === undefined ? 0 : 1));
    }
    this.#isNewConnection = false;
    return true;
  }

  take(): OutgoingMessage | undefined {
    if (this.#isResting || this.#taken >= this.#appended) return undefined;
    this.#taken += 1;
    const number = this.#taken;
    const edition = this.editions[number - 1] ?? 0;
    const body = messageAt({ ...this.#place, number, edition });
    const sha256 = hash("sha256", body, "buffer");
    if (number <= this.#mostTaken) this.#tally.resentCount += 1;
    this.#mostTaken = Math.max(number, this.#mostTaken);
    if (number > this.#everTaken) this.#note(number, sha256);
    this.editions[number - 1] = edition;
    const isBegun = this.#partial?.seq === BigInt(number);
    const from = isBegun ? (this.#partial?.durableOffset ?? 0) : 0;
    if (from > 0) this.#tally.resumedCount += 1;
    const meta = { sha256, receivedAtMs: 1_700_000_000_000 };
    return { seq: BigInt(number), meta, total: body.length, from, body };
  }

  acked(epoch: bigint, seq: bigint): void {
    const last = Number(seq);
    if (epoch !== EPOCH || last > this.#taken) this.#blame(`ACK of ${epoch}.${seq}, never sent`);
    this.#acked = Math.max(last, this.#acked);
  }

  rejected({ seq, code, permanent, retryAfterMs }: RejectFrame): void {
    const { rejections } = this.#tally;
    rejections.set(code, (rejections.get(code) ?? 0) + 1);
    if (permanent) this.#blame(`${seq} was refused for ever, code ${code}`);
    else setTimeout(() => this.reopen(), Math.max(RETRY_MS, retryAfterMs ?? 0)).unref();
  }

  disconnected(): void {
    this.#taken = this.#acked;
    this.#isNewConnection = true;
  }

  #rest(): void {
    const count = this.#leftBehindCount();
    const isNews = count > this.#knownLeftBehindCount;
    this.#knownLeftBehindCount = count;
    if (!isNews || this.#isResting) return;
    this.#isResting = true;
    setTimeout(() => {
      this.#isResting = false;
      this.wake();
    }, REST_MS).unref();
  }

  /** What was sent behind `last` gets another content. */
  #void(last: number): void {
    for (let number = last + 1; number <= this.#everTaken; number++) {
      this.editions[number - 1] = (this.editions[number - 1] ?? 0) + 1;
    }
    this.#everTaken = Math.min(last, this.#everTaken);
  }

  #note(number: number, sha256: Uint8Array): void {
    this.#everTaken = number;
    const before = this.#chain[number - 1] ?? CHAIN_START;
    const input = chainInput(before, EPOCH, BigInt(number), sha256);
    this.#chain[number] = hash("sha256", input, "buffer");
  }

  #blame(reason: string): void {
    this.#tally.reasons.push(`witness: ${this.name}: ${reason}`);
  }
}
