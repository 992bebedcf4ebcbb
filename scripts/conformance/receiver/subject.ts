/** The receiver that is checked, and an agent that talks to it. @module */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type ClientOptions, WebSocket } from "ws";
import type { Identity } from "#certs/identity.ts";
import type { HelloFrame, OpenFrame, WelcomeFrame } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES, SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import { ANSWER_MS, Conversation, type FrameOf } from "../conversation.ts";
import { chunksOf } from "../messages.ts";
import { Failed } from "../scenario.ts";
import { acked, expectOpened } from "./answers.ts";
import { compareExport } from "./exported.ts";
import { Ledger } from "./ledger.ts";

export interface ReceiverSubjectOptions {
  readonly url: string;
  readonly identity: Identity;
  /** Another node of the same receiver; without it, the one node. */
  readonly otherUrl?: string | undefined;
  readonly exportCommand?: string | undefined;
}

/** How to knock, where it is not as usual. */
export interface Knock {
  readonly url?: string;
  readonly subprotocols?: readonly string[];
  readonly path?: string;
  readonly more?: ClientOptions;
}

/** An upgrade that was refused. */
export interface RefusedUpgrade {
  readonly status: number;
}

/** Somebody who has been welcomed. */
export interface Welcomed {
  readonly talk: Conversation;
  readonly welcome: WelcomeFrame;
}

/** The same agent in every connection; another start of it each time, so that none looks like a copy (TP33). */
const STORE_ID = new Uint8Array(randomBytes(16));
const REFUSED_AT_HANDSHAKE = 0;
const SEQ_MAX = 2n ** 63n - 1n;

export class ReceiverSubject {
  readonly options: ReceiverSubjectOptions;
  readonly #run = randomBytes(4).toString("hex");
  #channels = 0;

  constructor(options: ReceiverSubjectOptions) {
    this.options = options;
  }

  /** A channel that nobody has used before. */
  newLedger(what: string, epoch = 1n): Ledger {
    this.#channels += 1;
    return new Ledger(`conformance-${this.#run}-${this.#channels}-${what}`, epoch);
  }

  /** Connects; no frame has been sent. @throws {Failed} if there is no upgrade */
  async dial(knock: Knock = {}): Promise<Conversation> {
    const talk = await this.knock(knock);
    if (talk instanceof Conversation) return talk;
    throw new Failed("a websocket", `status ${talk.status} instead of the upgrade`, "TP1");
  }

  /** Connects, or says how that was refused; status 0 if by the TLS handshake or without a word. */
  async knock(knock: Knock = {}): Promise<Conversation | RefusedUpgrade> {
    const { identity } = this.options;
    const url = new URL(knock.path ?? TUNNEL_PATH, knock.url ?? this.options.url);
    const socket = new WebSocket(url, [...(knock.subprotocols ?? [SUBPROTOCOL])], {
      ...{ ca: identity.receiverCaPem, cert: identity.certificatePem, key: identity.privateKeyPem },
      ...{ perMessageDeflate: false, minVersion: "TLSv1.3", handshakeTimeout: ANSWER_MS },
      ...knock.more,
    });
    const talk = new Conversation(socket);
    const refused = new Promise<RefusedUpgrade>((resolve) => {
      socket.on("unexpected-response", (request, response: IncomingMessage) => {
        request.destroy();
        resolve({ status: response.statusCode ?? REFUSED_AT_HANDSHAKE });
      });
      socket.once("close", () => resolve({ status: REFUSED_AT_HANDSHAKE }));
    });
    return await Promise.race([
      once(socket, "open").then(
        () => talk,
        () => refused,
      ),
      refused,
    ]);
  }

  /** Connects and is welcomed. */
  async greet(hello: Partial<HelloFrame> = {}, knock: Knock = {}): Promise<Welcomed> {
    const talk = await this.dial(knock);
    talk.send(helloFrame(hello));
    return { talk, welcome: await talk.next("welcome") };
  }

  /** Connects, is welcomed, and opens the channel on stream 1, where the ledger must be met. */
  async stream(
    ledger: Ledger,
    hello: Partial<HelloFrame> = {},
    knock: Knock = {},
  ): Promise<Conversation> {
    const { talk } = await this.greet(hello, knock);
    await this.open(talk, ledger);
    return talk;
  }

  /** Opens the channel of the ledger, and compares OPENED with it (TP14, TP15). */
  async open(talk: Conversation, ledger: Ledger, stream = 1): Promise<FrameOf<"opened">> {
    talk.send(openFrame(ledger, { stream }));
    const opened = await talk.next("opened");
    expectOpened(opened, ledger);
    return opened;
  }

  /** Sends the next message of the ledger and waits for its ACK. */
  async store(talk: Conversation, ledger: Ledger, body: Uint8Array, stream = 1): Promise<void> {
    await talk.sendWithin(...chunksOf({ stream, seq: ledger.nextSeq, body }));
    ledger.store(body);
    await acked(talk, ledger);
  }

  /** Reads what is stored: in a new session by OPENED, and by `export` where there is one. */
  async verify(...ledgers: readonly Ledger[]): Promise<void> {
    const { talk } = await this.greet();
    for (const [index, ledger] of ledgers.entries()) await this.open(talk, ledger, index * 2 + 1);
    await talk.cut();
    const { exportCommand } = this.options;
    if (exportCommand === undefined) return;
    await compareExport(exportCommand, ledgers);
  }
}

export function helloFrame(more: Partial<HelloFrame> = {}): HelloFrame {
  return {
    type: "hello",
    stream: 0,
    minorRange: [0, 0],
    capabilities: [],
    storeId: STORE_ID,
    instanceNonce: new Uint8Array(randomBytes(16)),
    version: "conformance",
    frameLimit: FRAME_MAX_BYTES,
    nowMs: Date.now(),
    downstreamCredit: 0,
    ...more,
  };
}

export function openFrame(ledger: Ledger, more: Partial<OpenFrame> = {}): OpenFrame {
  return {
    type: "open",
    stream: 1,
    channel: ledger.channel,
    epoch: ledger.epoch,
    nextSeq: ledger.nextSeq < SEQ_MAX ? ledger.nextSeq : SEQ_MAX,
    oldestRetainedSeq: null,
    previousEpoch: null,
    priority: 1,
    ...more,
  };
}
