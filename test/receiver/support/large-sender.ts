/**
 * An agent played by a test that sends large messages as it may: within its credit, from any offset.
 *
 * @module
 */
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { encodeFrame } from "#protocol/codec.ts";
import type { DataFrame, Frame, OpenedFrame } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES } from "#protocol/limits.ts";
import type { LargeMessage } from "./partial-suite.ts";
import { helloFrame, PlayedAgent } from "./played-agent.ts";

export class LargeSender implements AsyncDisposable {
  readonly agent: PlayedAgent;
  readonly opened: OpenedFrame;
  /** Every frame that came while it was sending. */
  readonly heard: Frame[] = [];
  /** What came while it waited for credit: `until` takes it first. */
  readonly #unread: Frame[] = [];
  #sentBytes = 0;
  #limitBytes: number;

  private constructor(agent: PlayedAgent, opened: OpenedFrame, connectionLimit: number) {
    this.agent = agent;
    this.opened = opened;
    const { streamLimit = 0 } = opened.credit;
    this.#limitBytes = Math.min(streamLimit, connectionLimit);
  }

  /** Connects, is welcomed, and opens channel `adt` in epoch 1 on stream 1. */
  static async open(
    port: number,
    identity: IssuedIdentity,
    capabilities: readonly string[] = ["partial"],
  ): Promise<LargeSender> {
    const agent = await PlayedAgent.connect(port, identity);
    agent.send(helloFrame({ capabilities }));
    const { upstreamCredit } = await agent.next("welcome");
    return new LargeSender(agent, await agent.open(), upstreamCredit);
  }

  /** Sends a part of a message, waiting for credit as a source does. */
  async send(seq: bigint, large: LargeMessage, from = 0, to = large.totalBytes): Promise<void> {
    for (const frame of chunksOf(seq, large, from, to)) {
      const bytes = encodeFrame(frame).length - 4;
      while (this.#sentBytes + bytes > this.#limitBytes) await this.#credited();
      this.agent.send(frame);
      this.#sentBytes += bytes;
    }
  }

  /** Takes frames until one of `type` comes. */
  async until(type: Frame["type"]): Promise<Frame> {
    while (true) {
      const unread = this.#unread.shift();
      const frame = unread ?? (await this.agent.nextOfAll());
      if (unread === undefined) this.heard.push(frame);
      if (frame.type === type) return frame;
    }
  }

  /** Waits until so many bytes of DATA bodies were reported as received. */
  async received(bytes: number): Promise<void> {
    while (!this.heard.some((frame) => receivedIn(frame) >= bytes)) {
      this.heard.push(await this.agent.nextOfAll());
    }
  }

  isAcked(seq: bigint): boolean {
    return this.heard.some((frame) => frame.type === "ack" && frame.lastSeq >= seq);
  }

  /** Durable offsets that PARTIAL told so far. */
  get partials(): number[] {
    return this.heard.flatMap((frame) => (frame.type === "partial" ? [frame.durableOffset] : []));
  }

  async #credited(): Promise<void> {
    const frame = await this.agent.nextOfAll();
    this.heard.push(frame);
    this.#unread.push(frame);
    if (!("credit" in frame)) return;
    const { streamLimit = 0, connectionLimit = 0 } = frame.credit;
    this.#limitBytes = Math.max(this.#limitBytes, Math.min(streamLimit, connectionLimit));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.agent[Symbol.asyncDispose]();
  }
}

const receivedIn = (frame: Frame): number =>
  "credit" in frame ? (frame.credit.bytesReceived ?? 0) : 0;

/** Chunks of the bytes `from` to `to`; where `from` is the end, one that is empty. */
export function chunksOf(seq: bigint, large: LargeMessage, from: number, to: number): DataFrame[] {
  const { bytes, sha256, totalBytes: total } = large;
  const meta = { sha256, receivedAtMs: 1_700_000_000_000 };
  const frames: DataFrame[] = [];
  for (let offset = from; offset < to || frames.length === 0; offset += CHUNK_MAX_BYTES) {
    const payload = bytes.subarray(offset, Math.min(to, offset + CHUNK_MAX_BYTES));
    const first = offset === from;
    const last = offset + payload.length === total;
    const chunk = { type: "data", stream: 1, first, last, seq, offset, total, payload } as const;
    frames.push(first ? { ...chunk, meta } : chunk);
  }
  return frames;
}
