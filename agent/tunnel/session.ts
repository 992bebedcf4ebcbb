/**
 * One connection, from its upgrade to its end: frames in, frames out.
 *
 * Knows no reconnect and no backoff; says once how it ended.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";
import type { WebSocket } from "ws";
import { SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import type { CmdDoneFrame, CmdFrame, Frame, GoawayFrame, WelcomeFrame } from "#protocol/frame.ts";
import { ERROR_CODE, GOAWAY_CODE } from "#protocol/frame.ts";
import { FRAME_MAX_BYTES, MINOR, OPENED_TIMEOUT_MS, WELCOME_TIMEOUT_MS } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { Heartbeat } from "#streams/heartbeat.ts";
import { SendingStreams } from "#streams/source/sending-streams.ts";
import type { StreamSource } from "#streams/source/source-stream.ts";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { SOCKET_UNSENT_LIMIT_BYTES } from "../limits.ts";
import { type Commands, refusalOf, resultFrame } from "./command-answer.ts";
import { dataSocket } from "./data-socket.ts";
import type { Dialled } from "./dial.ts";
import { QuestionPace } from "./question-pace.ts";
import { type DownstreamInbox, ReceivingStreams } from "./receiving-streams.ts";
import { agreementOf } from "./welcome.ts";

export interface SessionOptions {
  readonly clock: Clock;
  readonly storeId: Uint8Array;
  readonly instanceNonce: Uint8Array;
  readonly version: string;
  /** Grows. */
  readonly sources: readonly StreamSource[];
  readonly chance: Chance;
  readonly log: Log;
  readonly inbox: DownstreamInbox | undefined;
  /** Who answers commands; absent: each is refused. */
  readonly commands?: Commands | undefined;
  readonly onWelcome: (frame: WelcomeFrame) => void;
  /** Every stream has its OPENED, or a refusal. */
  readonly onResumed: () => void;
  /** Credit or window ran out on every stream that has something; or came back. */
  readonly onThrottle: (throttled: boolean) => void;
  readonly onGoaway: (frame: GoawayFrame) => void;
  /** Every message in flight is acked, after `drain`. */
  readonly onDrained: () => void;
  /** The connection is over. Exactly once. */
  readonly onEnd: (error: AgentError) => void;
}

const CLOSE_PROTOCOL_ERROR = 1002;
const CLOSE_NORMAL = 1000;

export class Session {
  readonly #options: SessionOptions;
  readonly #webSocket: WebSocket;
  readonly #socket: TLSSocket;
  readonly #receiving: ReceivingStreams;
  readonly #pace: QuestionPace;
  /** From WELCOME on. */
  #sending: SendingStreams | undefined;
  #heartbeat: Heartbeat | undefined;
  #deadline: Timer | undefined;
  #helloMs = 0;
  #opening = 0;
  #isOpen = false;
  #throttled = false;
  #draining = false;
  #takesCommands = false;
  #hasRefused = false;
  #ended = false;

  constructor({ webSocket, socket }: Dialled, options: SessionOptions) {
    this.#options = options;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#pace = new QuestionPace(options.clock);
    this.#receiving = new ReceivingStreams({
      ...options,
      send: (frame) => this.#sendNow(frame),
      violated: (error) => this.#violated(error),
      failed: () => this.#end(unreachable(undefined)),
    });
    webSocket.on("message", (data, isBinary) => this.#received(data as Buffer, isBinary));
    webSocket.on("error", (error) => this.#end(faultOf(error)));
    webSocket.on("close", () => this.#end(unreachable(undefined)));
    webSocket.on("ping", (data) => this.#pinged(data));
    socket.on("drain", () => this.#sending?.pump());
    webSocket.resume();
  }

  get windowBytes(): number {
    return this.#sending?.windowBytes ?? 0;
  }

  get roundTripMs(): number | undefined {
    return this.#sending?.roundTripMs;
  }

  hello(): void {
    const { clock, storeId, instanceNonce, version } = this.#options;
    this.#helloMs = clock.monotonicMs();
    this.#sendNow({
      type: "hello",
      stream: 0,
      minorRange: [MINOR, MINOR],
      capabilities: SPOKEN_CAPABILITIES,
      storeId,
      instanceNonce,
      version,
      frameLimit: FRAME_MAX_BYTES,
      nowMs: clock.nowMs(),
      downstreamCredit: this.#receiving.initialCredit,
    });
    this.#arm(WELCOME_TIMEOUT_MS);
  }

  /** Opens a stream for every source; the agent's streams are odd (TP6). */
  open(): void {
    for (const [index, source] of this.#options.sources.entries()) {
      if (this.#sending?.add(index * 2 + 1, source) === true) this.#opening += 1;
    }
    this.#isOpen = true;
    this.#arm(OPENED_TIMEOUT_MS);
    if (this.#opening === 0) this.#resumed();
  }

  /** The last of the sources is new: its stream is opened beside the others; before they are, it comes with them. */
  add(source: StreamSource): void {
    if (!this.#isOpen || this.#draining || this.#ended) return;
    const number = this.#options.sources.length * 2 - 1;
    // Where others are still awaited, it is, too.
    if (this.#sending?.add(number, source) === true && this.#opening > 0) this.#opening += 1;
  }

  /** Messages are at hand for `source` again. */
  wake(source: StreamSource): void {
    this.#sending?.wake(source);
  }

  /** The inbox has room again. */
  roomChanged(): void {
    this.#receiving.roomChanged();
  }

  /** Asks again where the receiver stands, after a refusal that says to (TP29). */
  reopen(source: StreamSource): void {
    this.#sending?.reopen(source);
  }

  /** Says goodbye, sends no new message, and reports when everything sent is acked (TP32). */
  drain(): void {
    this.#draining = true;
    this.#sending?.stopAfterCurrent();
    this.#sendNow({ type: "goaway", stream: 0, code: GOAWAY_CODE.draining });
    this.#checkDrained();
  }

  /** Closes in good order where nothing is in flight; otherwise the same, only faster. */
  close(): void {
    if (this.#ended) return;
    this.#webSocket.close(CLOSE_NORMAL);
    this.#end(unreachable(undefined));
  }

  /** Whoever is there may hear nothing more: what is not sent yet is not sent. */
  cut(): void {
    this.#socket.destroy();
    this.#end(unreachable(undefined));
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (this.#ended) return;
    this.#heartbeat?.heard();
    try {
      if (!isBinary) throw new ProtocolError(ERROR_CODE.malformed, "Cannot read a text message");
      const frame = decodeFrame(data);
      if (frame !== undefined) this.#handle(frame, data.length);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#violated(error);
    }
  }

  /** RFC 6455 section 5.5.2. No sign of life: whatever stands between may send it (TP3). */
  #pinged(data: Buffer): void {
    if (this.#ended) return;
    if (!this.#pace.admits()) {
      this.#violated(tooMany("ping"));
      return;
    }
    this.#webSocket.pong(data);
    this.#boundUnsent();
  }

  #handle(frame: Frame, bytes: number): void {
    if (this.#sending === undefined && frame.type !== "welcome" && !isFarewell(frame)) {
      throw new ProtocolError(ERROR_CODE.outOfOrder, "Cannot take a frame before WELCOME");
    }
    switch (frame.type) {
      case "welcome":
        this.#welcomed(frame);
        return;
      case "opened":
      case "partial":
      case "credit":
      case "reject":
        this.#sending?.heed(frame);
        return;
      case "ack":
        this.#sending?.heed(frame);
        this.#checkDrained();
        return;
      case "ping":
        if (!this.#pace.admits()) throw tooMany(frame.type);
        this.#sendNow({ type: "pong", stream: 0, nonce: frame.nonce });
        return;
      case "pong":
        this.#heartbeat?.ponged(frame.nonce);
        return;
      case "goaway":
        this.#options.onGoaway(frame);
        return;
      case "error":
        this.#end(new AgentError("TUNNEL_PROTOCOL", { code: frame.code, byReceiver: true }));
        return;
      case "cmd":
      case "cmdDone":
        this.#command(frame);
        return;
      case "open":
      case "data":
      case "skip":
        this.#receiving.take(frame, bytes);
        return;
      default:
        throw new ProtocolError(ERROR_CODE.outOfOrder, `Cannot take ${frame.type} here`);
    }
  }

  #welcomed(frame: WelcomeFrame): void {
    if (this.#sending !== undefined) {
      throw new ProtocolError(ERROR_CODE.outOfOrder, "Cannot be welcomed twice");
    }
    const agreement = agreementOf(frame);
    const { frameLimit, heartbeatMs, isPartialInForce, areCommandsInForce } = agreement;
    this.#takesCommands = areCommandsInForce;
    const { clock } = this.#options;
    const send = (one: Frame): void => this.#sendNow(one);
    const sending = new SendingStreams({
      ...{ clock, send, isPartialInForce, frameBytes: frameLimit },
      socket: dataSocket(this.#webSocket, this.#socket),
      creditBytes: frame.upstreamCredit,
      onFault: (error) => this.#fault(error),
      onOpened: () => this.#noteOpened(),
      onPumped: () => this.#noteThrottle(),
    });
    this.#sending = sending;
    // TP22's base, while nothing of ours waits in the path: a PING that follows a backlog measures that.
    sending.ponged(clock.monotonicMs() - this.#helloMs);
    this.#receiving.welcomed(frame, agreement);
    this.#heartbeat = new Heartbeat({
      ...{ clock, heartbeatMs },
      inFlight: () => sending.inFlightBytes > 0,
      ping: (nonce) => send({ type: "ping", stream: 0, nonce }),
      onRoundTrip: (roundTripMs) => sending.ponged(roundTripMs),
      onSilence: () => this.#end(new AgentError("TUNNEL_SILENT", {})),
    });
    this.#options.onWelcome(frame);
    if (areCommandsInForce && !this.#ended) {
      this.#options.commands?.connected((answer) => send(resultFrame(answer)));
    }
  }

  #command(frame: CmdFrame | CmdDoneFrame): void {
    if (!this.#takesCommands) {
      throw new ProtocolError(ERROR_CODE.outOfOrder, `Cannot take ${frame.type} here`);
    }
    if (!this.#pace.admits()) throw tooMany(frame.type);
    const { commands } = this.#options;
    if (commands !== undefined) {
      if (frame.type === "cmd") commands.asked(frame);
      else commands.done(frame.id);
      return;
    }
    // Nothing was kept of it.
    if (frame.type === "cmdDone") return;
    // Once a connection: a receiver decides how many there are.
    const command = identifierFrom(Buffer.from(frame.id).toString("hex"));
    if (!this.#hasRefused) this.#options.log.write("commandRefused", { command });
    this.#hasRefused = true;
    this.#sendNow(refusalOf(frame));
  }

  #noteOpened(): void {
    if (this.#opening === 0) return;
    this.#opening -= 1;
    if (this.#opening === 0) this.#resumed();
  }

  #noteThrottle(): void {
    // Before all are open nothing counts as streaming: told then, it would be forgotten.
    if (this.#opening > 0) return;
    const throttled = this.#sending?.isStarved === true;
    if (throttled === this.#throttled) return;
    this.#throttled = throttled;
    this.#options.onThrottle(throttled);
  }

  #resumed(): void {
    this.#disarm();
    this.#options.onResumed();
  }

  #checkDrained(): void {
    const isAwaiting = this.#sending?.isAwaitingAcks === true;
    if (this.#draining && !isAwaiting) this.#options.onDrained();
  }

  #sendNow(frame: Frame): void {
    if (this.#ended) return;
    this.#webSocket.send(encodeFrame(frame));
    this.#boundUnsent();
  }

  /** A receiver that asks and does not read would grow our memory with each answer (I-8). */
  #boundUnsent(): void {
    if (this.#webSocket.bufferedAmount <= SOCKET_UNSENT_LIMIT_BYTES) return;
    this.#end(new AgentError("TUNNEL_SILENT", { unsentBytes: this.#webSocket.bufferedAmount }));
  }

  #violated(error: ProtocolError): void {
    const { code, frameType } = error;
    const about = frameType === undefined ? {} : { frameType };
    this.#sendNow({ type: "error", stream: 0, code, ...about });
    this.#webSocket.close(CLOSE_PROTOCOL_ERROR);
    this.#end(new AgentError("TUNNEL_PROTOCOL", { code, byReceiver: false }));
  }

  /** Something on our side failed in the middle of a message: begin again on a new connection. */
  #fault(error: unknown): void {
    const fault = error instanceof AgentError ? error : unreachable(error);
    this.#end(fault);
  }

  #arm(delayMs: number): void {
    this.#disarm();
    this.#deadline = this.#options.clock.after(delayMs, () =>
      this.#end(new AgentError("TUNNEL_SILENT", { waitedMs: delayMs })),
    );
  }

  #disarm(): void {
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = undefined;
  }

  /** Destroyed, not closed: on a dead path a closing handshake would wait for minutes (TP26). */
  #end(error: AgentError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#disarm();
    this.#heartbeat?.[Symbol.dispose]();
    this.#receiving.close();
    this.#socket.destroySoon();
    this.#options.clock.after(1_000, () => this.#socket.destroy());
    this.#sending?.end();
    this.#options.onEnd(error);
  }
}

const isFarewell = (frame: Frame): boolean => frame.type === "goaway" || frame.type === "error";

const tooMany = (what: "ping" | "cmd" | "cmdDone"): ProtocolError =>
  new ProtocolError(ERROR_CODE.limit, `Cannot answer so many of ${what}`);

/** What `ws` finds wrong with a frame it closes itself, with 1002, 1008 or 1009 (TP3); anything else is the path's. */
function faultOf(cause: unknown): AgentError {
  const sysCode = codeOf(cause);
  if (!sysCode.startsWith("WS_ERR_")) return unreachable(cause);
  return new AgentError("TUNNEL_PROTOCOL", { sysCode, byReceiver: false }, { cause });
}

const unreachable = (cause: unknown): AgentError =>
  new AgentError("TUNNEL_UNREACHABLE", { sysCode: codeOf(cause) }, { cause });
