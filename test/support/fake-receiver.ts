/**
 * The far end of a tunnel, played by a test: real TLS, real websocket, frames by hand. Made from
 * `protocol/` alone, so that agent and receiver cannot share a mistake.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureVersion } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { CHAIN_START } from "#protocol/chain.ts";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { type Frame, OPENED_STATUS, type OpenedFrame, type WelcomeFrame } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES, SUBPROTOCOL } from "#protocol/limits.ts";
import { AGENT_CA_PEM, RECEIVER_IDENTITY } from "#test/receiver/support/identities.ts";
import { until } from "./processes.ts";

type FrameOf<Type extends Frame["type"]> = Extract<Frame, { type: Type }>;
const FAR = 1 << 30;

export interface FakeReceiverOptions {
  readonly identity?: IssuedIdentity;
  readonly maxVersion?: SecureVersion;
  /** Absent: any that is free. */
  readonly port?: number;
  /** Instead of the upgrade: status line and headers, as they go over the wire. */
  readonly answer?: string;
  /** Instead of the upgrade, for each: as `answer`, or undefined to let it through. */
  readonly judge?: (request: IncomingMessage) => string | undefined;
  /** Requests that are no upgrade. */
  readonly onRequest?: RequestListener;
  /** Bytes that leave in one write with the 101. */
  readonly withUpgrade?: Uint8Array;
}

/** One connection of an agent. */
export class FakeConnection {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** Every frame received and not yet taken, oldest first. */
  readonly frames: Frame[] = [];
  /** Every frame ever received. */
  readonly history: Frame[] = [];
  closeCode: number | undefined;
  isClosed = false;

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.request = request;
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => {
      const frame = decodeFrame(data);
      if (frame === undefined) return;
      this.frames.push(frame);
      this.history.push(frame);
    });
    socket.on("close", (code) => {
      this.closeCode = code;
      this.isClosed = true;
    });
  }

  send(...frames: readonly Frame[]): void {
    for (const frame of frames) this.socket.send(encodeFrame(frame));
  }

  /** Takes the next frame of `type`; those of other types before it are dropped. */
  async next<Type extends Frame["type"]>(type: Type): Promise<FrameOf<Type>> {
    const take = (): Frame | undefined => {
      while (this.frames.length > 0 && this.frames[0]?.type !== type) this.frames.shift();
      return this.frames.shift();
    };
    let found = take();
    await until(`a frame ${type}`, () => {
      found ??= take();
      if (found === undefined && this.isClosed) throw new Error(`closed before ${type}`);
      return found !== undefined;
    });
    return found as FrameOf<Type>;
  }

  /** Takes HELLO and welcomes. */
  async welcome(more: Partial<WelcomeFrame> = {}): Promise<FrameOf<"hello">> {
    const hello = await this.next("hello");
    this.send({
      type: "welcome",
      stream: 0,
      minor: 0,
      capabilities: [],
      session: 1,
      frameLimit: FRAME_MAX_BYTES,
      heartbeatMs: 10_000,
      upstreamCredit: FAR,
      // A clock that agrees with the agent's.
      nowMs: hello.nowMs,
      messageLimit: FAR / 2,
      receiverStoreId: new Uint8Array(16).fill(9),
      ...more,
    });
    return hello;
  }

  /** Takes OPEN and answers it: empty, and with credit without end, unless `more` says otherwise. */
  async opened(more: Partial<OpenedFrame> = {}): Promise<FrameOf<"open">> {
    const open = await this.next("open");
    this.send({
      type: "opened",
      stream: open.stream,
      status: OPENED_STATUS.ok,
      epoch: open.epoch,
      credit: { streamLimit: FAR },
      lastSeq: 0n,
      chain: CHAIN_START,
      ...more,
    });
    return open;
  }

  /** Acks everything up to `lastSeq`, and reports it as received. */
  ack(lastSeq: bigint, stream = 1): void {
    const bytesReceived = this.dataBytes;
    this.send({ type: "ack", stream, epoch: 1n, lastSeq, credit: { bytesReceived } });
  }

  /** Bytes of all DATA bodies so far. */
  get dataBytes(): number {
    const data = this.history.filter((frame) => frame.type === "data");
    return data.reduce((sum, frame) => sum + encodeFrame(frame).length - 4, 0);
  }

  /** Seqs of the messages that came whole, in order; without those of the agent's own channels (06 TP35). */
  get arrivedSeqs(): bigint[] {
    const own = this.history.flatMap((frame) =>
      frame.type === "open" && frame.channel.startsWith("$") ? [frame.stream] : [],
    );
    return this.history.flatMap((frame) =>
      frame.type === "data" && frame.last && !own.includes(frame.stream) ? [frame.seq] : [],
    );
  }

  async closed(): Promise<void> {
    await until("the agent has closed", () => this.isClosed);
  }
}

export class FakeReceiver implements AsyncDisposable {
  readonly connections: FakeConnection[] = [];
  /** TCP connections, also those that never came to an upgrade. */
  socketCount = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #taken = 0;

  private constructor(options: FakeReceiverOptions) {
    const identity = options.identity ?? RECEIVER_IDENTITY;
    const { maxVersion = "TLSv1.3" } = options;
    this.#server = createServer({
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
      ca: AGENT_CA_PEM,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      maxVersion,
    });
    const webSockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#server.on("connection", (socket: Socket) => {
      this.socketCount += 1;
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", () => {});
    if (options.onRequest !== undefined) this.#server.on("request", options.onRequest);
    this.#server.on("upgrade", (request, socket: Duplex, head) => {
      socket.on("error", () => {});
      const answer = options.answer ?? options.judge?.(request);
      if (answer !== undefined) {
        socket.end(`HTTP/1.1 ${answer}\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      if (options.withUpgrade !== undefined) socket.cork();
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.connections.push(new FakeConnection(webSocket, request));
        if (options.withUpgrade !== undefined) webSocket.send(options.withUpgrade);
        socket.uncork();
      });
    });
  }

  static async open(options: FakeReceiverOptions = {}): Promise<FakeReceiver> {
    const receiver = new FakeReceiver(options);
    receiver.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): URL {
    return new URL(`wss://127.0.0.1:${this.port}`);
  }

  /** The next connection that was not yet taken. */
  async connection(): Promise<FakeConnection> {
    await until("an agent connects", () => this.connections.length > this.#taken);
    const connection = this.connections[this.#taken];
    assert.ok(connection !== undefined);
    this.#taken += 1;
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const { socket } of this.connections) socket.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
