/**
 * A receiver in the workload's own process, which marks what it has before it says so: pruning may rest on
 * nothing else. Played by hand over the protocol, like every receiver that a rig records beside the agent.
 *
 * @module
 */
import { hash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
import { encodeFrame } from "#protocol/codec.ts";
import { type DataFrame, type Frame, OPENED_STATUS, type OpenFrame } from "#protocol/frame.ts";
import { type FakeConnection, FakeReceiver } from "#test/support/fake-receiver.ts";

/** Credit without an end: what is tried here is the store. */
const FAR = 1 << 30;
/** Of DATA frames before their body, which credit does not count. */
const HEADER_BYTES = 4;
const LOOK_MS = 2;

/** Where a channel stands. */
interface History {
  readonly channel: string;
  epoch: bigint;
  lastSeq: bigint;
  chain: Uint8Array;
}

export class SettlingReceiver implements AsyncDisposable {
  readonly #fake: FakeReceiver;
  readonly #mark: (text: string) => void;
  readonly #histories = new Map<string, History>();
  readonly #connections: Promise<void>[] = [];
  #ended = false;

  private constructor(fake: FakeReceiver, mark: (text: string) => void) {
    this.#fake = fake;
    this.#mark = mark;
  }

  /** @param mark told `SETTLED channel epoch seq` before each ack leaves */
  static async open(mark: (text: string) => void): Promise<SettlingReceiver> {
    const receiver = new SettlingReceiver(await FakeReceiver.open(), mark);
    receiver.#connections.push(receiver.#accept());
    return receiver;
  }

  get url(): URL {
    return this.#fake.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#fake[Symbol.asyncDispose]();
    await Promise.all(this.#connections);
  }

  /** Agents come and go: the workload stops and kills them. */
  async #accept(): Promise<void> {
    for (let taken = 0; !this.#ended; ) {
      const connection = this.#fake.connections[taken];
      if (connection === undefined) {
        await pause(LOOK_MS);
        continue;
      }
      taken += 1;
      this.#connections.push(this.#serve(connection).catch(() => connection.socket.terminate()));
    }
  }

  async #serve(connection: FakeConnection): Promise<void> {
    await connection.welcome();
    const streams = new Map<number, History>();
    const digests = new Map<number, Uint8Array>();
    let bytesReceived = 0;
    while (!connection.isClosed && !this.#ended) {
      for (const frame of connection.frames.splice(0)) {
        if (frame.type === "data") bytesReceived += encodeFrame(frame).length - HEADER_BYTES;
        this.#answer(connection, frame, { streams, digests, bytesReceived });
      }
      await pause(LOOK_MS);
    }
  }

  #answer(
    connection: FakeConnection,
    frame: Frame,
    at: {
      readonly streams: Map<number, History>;
      readonly digests: Map<number, Uint8Array>;
      readonly bytesReceived: number;
    },
  ): void {
    if (frame.type === "ping") connection.send({ type: "pong", stream: 0, nonce: frame.nonce });
    if (frame.type === "open") at.streams.set(frame.stream, this.#opened(connection, frame));
    if (frame.type !== "data") return;
    const history = at.streams.get(frame.stream);
    if (history === undefined) return;
    if (frame.meta !== undefined) at.digests.set(frame.stream, frame.meta.sha256);
    const { epoch } = history;
    const sha256 = at.digests.get(frame.stream);
    if (!frame.last || sha256 === undefined || !this.#took(history, frame, sha256)) return;
    const credit = { bytesReceived: at.bytesReceived };
    connection.send({ type: "ack", stream: frame.stream, epoch, lastSeq: history.lastSeq, credit });
  }

  #opened(connection: FakeConnection, { stream, channel, epoch }: OpenFrame): History {
    const known = this.#histories.get(channel);
    const history =
      known?.epoch === epoch ? known : { channel, epoch, lastSeq: 0n, chain: CHAIN_START };
    this.#histories.set(channel, history);
    const { lastSeq, chain } = history;
    connection.send({
      ...{ type: "opened", stream, status: OPENED_STATUS.ok, epoch, lastSeq, chain },
      credit: { streamLimit: FAR },
    });
    return history;
  }

  /** @returns whether the message was the next one */
  #took(history: History, { seq }: DataFrame, sha256: Uint8Array): boolean {
    if (seq !== history.lastSeq + 1n) return false;
    history.chain = hash("sha256", chainInput(history.chain, history.epoch, seq, sha256), "buffer");
    history.lastSeq = seq;
    this.#mark(`SETTLED ${history.channel} ${history.epoch} ${seq}`);
    return true;
  }
}
