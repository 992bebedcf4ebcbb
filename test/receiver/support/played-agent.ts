/**
 * An agent played by a test: real TLS, real websocket, frames by hand.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import type { DataFrame, Frame, HelloFrame, MessageMeta, OpenFrame } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES, FRAME_MAX_BYTES, SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import { RECEIVER_CA_PEM } from "./identities.ts";

const WAIT_MS = 30_000;

type FrameOf<Type extends Frame["type"]> = Extract<Frame, { type: Type }>;

export const sha256 = (body: Uint8Array): Uint8Array =>
  new Uint8Array(createHash("sha256").update(body).digest());

export const textOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

/** The chunks of a message, as a source sends them. */
export function dataFrames(
  stream: number,
  seq: bigint,
  body: Uint8Array,
  more: Partial<MessageMeta> = {},
): DataFrame[] {
  const meta: MessageMeta = { sha256: sha256(body), receivedAtMs: 1_700_000_000_000, ...more };
  const frames: DataFrame[] = [];
  for (let offset = 0; offset === 0 || offset < body.length; offset += CHUNK_MAX_BYTES) {
    const payload = body.subarray(offset, offset + CHUNK_MAX_BYTES);
    const first = offset === 0;
    frames.push({
      type: "data",
      stream,
      first,
      last: offset + payload.length === body.length,
      seq,
      offset,
      total: body.length,
      ...(first ? { meta } : {}),
      payload,
    });
  }
  return frames;
}

export function helloFrame(more: Partial<HelloFrame> = {}): HelloFrame {
  return {
    type: "hello",
    stream: 0,
    minorRange: [0, 0],
    capabilities: [],
    storeId: new Uint8Array(16).fill(1),
    instanceNonce: new Uint8Array(16).fill(2),
    version: "0.1.0",
    frameLimit: FRAME_MAX_BYTES,
    nowMs: 1_700_000_000_000,
    downstreamCredit: 0,
    ...more,
  };
}

export function openFrame(more: Partial<OpenFrame> = {}): OpenFrame {
  return {
    type: "open",
    stream: 1,
    channel: "adt",
    epoch: 1n,
    nextSeq: 1n,
    oldestRetainedSeq: null,
    previousEpoch: null,
    priority: 1,
    ...more,
  };
}

export class PlayedAgent implements AsyncDisposable {
  /** Every frame received and not yet taken, oldest first. */
  readonly frames: Frame[] = [];
  /** The close code, once the socket is gone. */
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  #arrived = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      const frame = decodeFrame(data);
      if (frame !== undefined) this.frames.push(frame);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", (code) => {
        resolve(code);
        this.#arrived.resolve();
      });
    });
  }

  /** Connects and upgrades; no frame has been sent. */
  static async connect(port: number, identity: IssuedIdentity): Promise<PlayedAgent> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}${TUNNEL_PATH}`, SUBPROTOCOL, {
      ca: RECEIVER_CA_PEM,
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
      perMessageDeflate: false,
      minVersion: "TLSv1.3",
    });
    const agent = new PlayedAgent(socket);
    await once(socket, "open");
    return agent;
  }

  /** Connects and is welcomed. */
  static async greet(port: number, identity: IssuedIdentity): Promise<PlayedAgent> {
    const agent = await PlayedAgent.connect(port, identity);
    agent.send(helloFrame());
    await agent.next("welcome");
    return agent;
  }

  /** Connects, is welcomed, and opens channel `adt` in epoch 1 on stream 1. */
  static async stream(
    port: number,
    identity: IssuedIdentity,
    open: Partial<OpenFrame> = {},
  ): Promise<PlayedAgent> {
    const agent = await PlayedAgent.greet(port, identity);
    await agent.open(open);
    return agent;
  }

  send(...frames: readonly Frame[]): void {
    for (const frame of frames) this.socket.send(encodeFrame(frame));
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array | string): void {
    this.socket.send(bytes);
  }

  /** Sends whole messages, of seq `first` and on. */
  sendMessages(first: bigint, ...bodies: readonly string[]): void {
    for (const [index, body] of bodies.entries()) {
      this.send(...dataFrames(1, first + BigInt(index), textOf(body)));
    }
  }

  async open(more: Partial<OpenFrame> = {}): Promise<FrameOf<"opened">> {
    this.send(openFrame(more));
    return this.next("opened");
  }

  /** Takes the next frame of `type`; those of other types before it are dropped. */
  async next<Type extends Frame["type"]>(type: Type): Promise<FrameOf<Type>> {
    const deadline = AbortSignal.timeout(WAIT_MS);
    while (true) {
      const frame = await this.nextOfAll(type, deadline);
      if (frame.type === type) return frame as FrameOf<Type>;
    }
  }

  /** Takes the next frame, whatever it is. */
  async nextOfAll(what = "a frame", deadline = AbortSignal.timeout(WAIT_MS)): Promise<Frame> {
    while (true) {
      const frame = this.frames.shift();
      if (frame !== undefined) return frame;
      if (deadline.aborted) throw new Error(`Waited in vain for ${what}`);
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`Closed before ${what}`);
      await Promise.race([this.#arrived.promise, aborted(deadline)]);
    }
  }

  /** Waits until `seq` is acknowledged. */
  async acked(seq: bigint): Promise<FrameOf<"ack">> {
    while (true) {
      const ack = await this.next("ack");
      if (ack.lastSeq >= seq) return ack;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}
