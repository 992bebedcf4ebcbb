/** Somebody with messages, for the tunnel's tests: they lie in a list. @module */

import type { OpenedFrame, RejectFrame } from "#protocol/frame.ts";
import { PRIORITY, type Priority } from "#protocol/frame.ts";
import type {
  OutgoingMessage,
  StreamSource,
  StreamStanding,
} from "#streams/source/source-stream.ts";
import { sha256 } from "./test-outbox.ts";

export interface ListedMessage {
  readonly body: Uint8Array;
  /** Given out in parts of so many bytes, each on request. */
  readonly partBytes?: number;
}

export class ListedSource implements StreamSource {
  readonly channel: string;
  priority: Priority = PRIORITY.normal;
  readonly messages: ListedMessage[] = [];
  readonly heard: string[] = [];
  /** What `opened` answers. */
  mayFlow = true;
  nextIndex = 0;
  /** Where its messages begin to be sent. */
  from = 0;
  #inFlightTo = 0n;
  #ackedTo = 0n;

  constructor(channel: string, ...bodies: readonly (string | Uint8Array)[]) {
    this.channel = channel;
    this.add(...bodies);
  }

  add(...bodies: readonly (string | Uint8Array)[]): void {
    for (const body of bodies) {
      this.messages.push({ body: typeof body === "string" ? Buffer.from(body) : body });
    }
  }

  get inFlight(): boolean {
    return this.#inFlightTo > this.#ackedTo;
  }

  standing(): StreamStanding {
    const nextSeq = this.#ackedTo + 1n;
    const oldestRetainedSeq = this.messages.length === 0 ? null : 1n;
    return { epoch: 1n, nextSeq, oldestRetainedSeq, previous: null };
  }

  async opened({ status, lastSeq }: OpenedFrame): Promise<boolean> {
    this.heard.push(`opened ${status} ${lastSeq}`);
    this.nextIndex = Number(lastSeq);
    return this.mayFlow;
  }

  take(): OutgoingMessage | undefined {
    const message = this.messages[this.nextIndex];
    if (message === undefined) return undefined;
    this.nextIndex += 1;
    this.#inFlightTo = BigInt(this.nextIndex);
    const { body, partBytes } = message;
    return {
      seq: this.#inFlightTo,
      meta: { sha256: sha256(body), receivedAtMs: 1_700_000_000_000 },
      total: body.length,
      from: this.from,
      body: partBytes === undefined ? body : partsOf(body, partBytes, this.from),
    };
  }

  acked(epoch: bigint, seq: bigint): void {
    this.heard.push(`acked ${epoch} ${seq}`);
    if (seq > this.#ackedTo && seq <= this.#inFlightTo) this.#ackedTo = seq;
  }

  rejected({ seq, code, permanent }: RejectFrame): void {
    this.heard.push(`rejected ${seq} ${code} ${permanent}`);
  }

  disconnected(): void {
    this.heard.push("disconnected");
    this.#inFlightTo = this.#ackedTo;
  }
}

function partsOf(body: Uint8Array, partBytes: number, from: number): () => Promise<Uint8Array> {
  let at = from;
  return async () => {
    at += partBytes;
    return body.subarray(at - partBytes, at);
  };
}
