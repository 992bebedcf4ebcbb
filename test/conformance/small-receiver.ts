/**
 * A receiver of a hundred lines, made from `protocol/` alone, that obeys 06 as far as a few scenarios
 * look, or breaks one rule: so that the runner can be seen to fail where it must.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import {
  type DataFrame,
  ERROR_CODE,
  type Frame,
  GOAWAY_CODE,
  REJECT_CODE,
} from "#protocol/frame.ts";
import { FRAME_MAX_BYTES, FRAME_MAX_NEGOTIABLE_BYTES, SUBPROTOCOL } from "#protocol/limits.ts";
import { MessageAssembler } from "#protocol/message-assembler.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";

/** The rule that it breaks. */
export type Sin = "none" | "noFence" | "ackBeforeStore" | "dataWithoutOpen" | "oversize";

interface Channel {
  readonly name: string;
  lastSeq: bigint;
  chain: Uint8Array;
}

const FAR = 1 << 30;
const STORED_LATE_MS = 5_000;
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

export class SmallReceiver implements AsyncDisposable {
  readonly exportFile: string;
  readonly #sin: Sin;
  readonly #server: Server;
  readonly #channels = new Map<string, Channel>();
  #sockets: WebSocket[] = [];
  #session = 0;

  /** @param folder with `server.crt`, `server.key` and `agent-ca.crt`; what is stored is written there */
  private constructor(folder: string, sin: Sin) {
    this.#sin = sin;
    this.exportFile = join(folder, "stored.jsonl");
    writeFileSync(this.exportFile, "");
    const pem = (name: string): Buffer => readFileSync(join(folder, name));
    this.#server = createServer({
      ...{ cert: pem("server.crt"), key: pem("server.key"), ca: pem("agent-ca.crt") },
      ...{ requestCert: true, minVersion: "TLSv1.3" },
    });
    const maxPayload = sin === "oversize" ? FRAME_MAX_NEGOTIABLE_BYTES : FRAME_MAX_BYTES;
    const handleProtocols = () => SUBPROTOCOL;
    const webSockets = new WebSocketServer({ server: this.#server, maxPayload, handleProtocols });
    webSockets.on("connection", (socket) => this.#greet(socket));
  }

  static async open(folder: string, sin: Sin): Promise<SmallReceiver> {
    const receiver = new SmallReceiver(folder, sin);
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  get url(): string {
    return `wss://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.terminate();
    await closed;
  }

  #greet(socket: WebSocket): void {
    const talk = new Talk(socket, {
      ...{ sin: this.#sin, exportFile: this.exportFile },
      begin: () => {
        this.#session += 1;
        if (this.#sin !== "noFence") for (const older of this.#sockets) fence(older);
        this.#sockets = [...this.#sockets.filter((one) => one.readyState === one.OPEN), socket];
        return this.#session;
      },
      channel: (name) => {
        const channel = this.#channels.get(name) ?? { name, lastSeq: 0n, chain: CHAIN_START };
        this.#channels.set(name, channel);
        return channel;
      },
    });
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => talk.hear(data));
  }
}

function fence(socket: WebSocket): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(encodeFrame({ type: "goaway", stream: 0, code: GOAWAY_CODE.fenced }));
  socket.removeAllListeners("message");
  socket.close(1000);
}

interface TalkOptions {
  readonly sin: Sin;
  readonly exportFile: string;
  readonly begin: () => number;
  readonly channel: (name: string) => Channel;
}

class Talk {
  readonly #socket: WebSocket;
  readonly #options: TalkOptions;
  readonly #streams = new Map<number, { channel: Channel; assembler: MessageAssembler }>();
  #frameLimit = FRAME_MAX_BYTES;

  constructor(socket: WebSocket, options: TalkOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  hear(data: Buffer): void {
    try {
      if (this.#options.sin === "oversize" && data.length > this.#frameLimit) return;
      if (data.length > this.#frameLimit) throw new ProtocolError(ERROR_CODE.limit, "too large");
      const frame = decodeFrame(data);
      if (frame !== undefined) this.#handle(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#send({ type: "error", stream: 0, code: error.code });
      this.#socket.close(1002);
    }
  }

  #send(frame: Frame): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(encodeFrame(frame));
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case "hello":
        this.#frameLimit = Math.min(frame.frameLimit, FRAME_MAX_BYTES);
        this.#send({
          ...{ type: "welcome", stream: 0, minor: 0, capabilities: [] },
          ...{ session: this.#options.begin(), frameLimit: this.#frameLimit, heartbeatMs: 10_000 },
          ...{ upstreamCredit: FAR, nowMs: Date.now(), messageLimit: FAR / 2 },
          receiverStoreId: new Uint8Array(16),
        });
        break;
      case "open":
        this.#open(frame.stream, frame.channel, frame.epoch);
        break;
      case "data":
        this.#data(frame);
        break;
      default:
        throw new ProtocolError(ERROR_CODE.outOfOrder, "not here");
    }
  }

  #open(stream: number, name: string, epoch: bigint): void {
    const channel = this.#options.channel(name);
    this.#streams.set(stream, { channel, assembler: new MessageAssembler(FAR / 2) });
    const { lastSeq, chain } = channel;
    const credit = { streamLimit: FAR };
    this.#send({ type: "opened", stream, status: 0, epoch, credit, lastSeq, chain });
  }

  #data(frame: DataFrame): void {
    const { stream } = frame;
    if (!this.#streams.has(stream) && this.#options.sin === "dataWithoutOpen") {
      this.#open(stream, "made up", 1n);
    }
    const open = this.#streams.get(stream);
    if (open === undefined) throw new ProtocolError(ERROR_CODE.outOfOrder, "no OPEN");
    const message = open.assembler.push(frame);
    if (message === undefined) return;
    const { seq, body, meta } = message;
    const ack = (): void => {
      this.#send({ type: "ack", stream, epoch: 1n, lastSeq: seq, credit: {} });
    };
    if (this.#options.sin === "ackBeforeStore") {
      ack();
      const late = setTimeout(() => this.#store(open.channel, body), STORED_LATE_MS);
      // Of a receiver that is gone nothing is stored.
      this.#socket.once("close", () => clearTimeout(late));
      return;
    }
    if (sha256(body).compare(meta.sha256) !== 0) {
      this.#send({ type: "reject", stream, seq, code: REJECT_CODE.hash, permanent: false });
      return;
    }
    if (seq > open.channel.lastSeq) this.#store(open.channel, body);
    ack();
  }

  #store(channel: Channel, body: Uint8Array): void {
    const hash = sha256(body);
    channel.lastSeq += 1n;
    channel.chain = sha256(chainInput(channel.chain, 1n, channel.lastSeq, hash));
    const sum = hash.toString("hex");
    const seq = Number(channel.lastSeq);
    const line = { channel: channel.name, epoch: 1, seq, sha256: sum, bytes: body.length };
    appendFileSync(this.#options.exportFile, `${JSON.stringify(line)}\n`);
  }
}
