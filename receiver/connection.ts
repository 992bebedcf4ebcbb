/**
 * One agent's connection: carries out what the connection's state machine decides, on a websocket
 * that has passed the gate.
 *
 * @module
 */
import type { RawData, WebSocket } from "ws";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, type Frame, GOAWAY_CODE, type HelloFrame } from "#protocol/frame.ts";
import { FRAME_HEADER_BYTES, FRAME_MAX_BYTES, HELLO_TIMEOUT_MS, MINOR } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  step,
} from "./connection-state.ts";
import type { Budget } from "./credit.ts";
import { type Facts, identifierFrom } from "./errors.ts";
import type { Clock, Timer } from "./host/clock.ts";
import type { Log, LogEvent } from "./host/log.ts";
import { CLOSE_GRACE_MS, DRAIN_MAX_MS, UNSENT_MAX_BYTES } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import { Sink, type SinkPort } from "./sink.ts";
import type { AgentRecord, Store } from "./store/store.ts";
import { StoreCalls } from "./store-calls.ts";

/** What all connections of a receiver have in common. */
export interface ConnectionContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly budget: Budget;
  readonly messageLimitBytes: number;
  readonly heartbeatMs: number;
  /** The share of one connection in what the process may hold, at this moment. */
  readonly windowBytes: () => number;
}

export class Connection {
  /** Resolves once the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #agent: AgentRecord;
  readonly #context: ConnectionContext;
  readonly #liveness: Liveness;
  readonly #greeting: StoreCalls;
  readonly #timers: Timer[] = [];
  #state: ConnectionState = { at: "new" };
  #sink: Sink | undefined;
  #frameBytes = FRAME_MAX_BYTES;

  /**
   * @param socket open, with the subprotocol agreed
   * @param agent whose certificate passed the gate (07 1.8)
   */
  constructor(socket: WebSocket, agent: AgentRecord, context: ConnectionContext) {
    this.#socket = socket;
    this.#agent = agent;
    this.#context = context;
    this.#liveness = new Liveness(context.clock, context.heartbeatMs, {
      ping: (nonce) => this.#send({ type: "ping", stream: 0, nonce }),
      silent: () => this.#handle({ on: "silent" }),
    });
    this.#greeting = new StoreCalls(context.clock, {
      settled: () => {},
      failed: () => this.#handle({ on: "silent" }),
      busy: () => this.#log("storeBusy", {}),
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#handle({ on: "lost" });
        resolve();
      });
    });
    // The websocket closes itself after an error, with 1002 or 1009 (TP3); `close` follows.
    socket.on("error", () => {});
    // The websocket answers a ping by itself (TP3), also to a peer that does not read.
    socket.on("ping", () => this.#boundUnsent());
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    this.#handle({ on: "gatePassed" });
  }

  /** Says GOAWAY, waits for what is in hand, and closes (TP32). */
  shutDown(): void {
    this.#handle({ on: "shutdown" });
  }

  /** Hangs up now. */
  destroy(): void {
    this.#handle({ on: "silent" });
    this.#socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#liveness.heard();
    if (!isBinary || !(data instanceof Uint8Array)) {
      this.#handle({ on: "violated", code: ERROR_CODE.malformed });
      return;
    }
    if (data.length > this.#frameBytes) {
      this.#handle({ on: "violated", code: ERROR_CODE.limit });
      return;
    }
    try {
      const frame = decodeFrame(data);
      if (frame !== undefined) this.#handle({ on: "frame", frame }, data.length);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { code, frameType } = error;
      this.#handle({ on: "violated", code, ...(frameType === undefined ? {} : { frameType }) });
    }
  }

  #handle(event: ConnectionEvent, frameBytes = 0): void {
    const { state, effects } = step(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect, frameBytes);
  }

  #perform(effect: ConnectionEffect, frameBytes: number): void {
    switch (effect.do) {
      case "armHello":
        this.#after(HELLO_TIMEOUT_MS, { on: "helloExpired" });
        break;
      case "beginSession":
        this.#beginSession(effect.hello);
        break;
      case "welcome":
        this.#welcome(effect.hello, effect.session);
        break;
      case "open":
        this.#sink?.open(effect.frame);
        break;
      case "take":
        if (effect.frame.type === "skip") this.#sink?.takeSkip(effect.frame);
        else this.#sink?.take(effect.frame, frameBytes - FRAME_HEADER_BYTES);
        break;
      case "pong":
        this.#send({ type: "pong", stream: 0, nonce: effect.nonce });
        break;
      case "goaway":
        if (effect.code === GOAWAY_CODE.version) this.#log("agentVersion", {});
        this.#send({ type: "goaway", stream: 0, code: effect.code });
        break;
      case "error":
        this.#sendError(effect);
        break;
      case "armDrain":
        this.#after(DRAIN_MAX_MS, { on: "drainExpired" });
        if (this.#sink?.isEmpty !== false) this.#handle({ on: "emptied" });
        break;
      case "close":
        this.#close(effect.code);
        break;
      case "destroy":
        this.#socket.terminate();
        break;
      case "release":
        this.#release();
        break;
    }
  }

  /** TP10: from this commit on every older session is fenced. */
  #beginSession(hello: HelloFrame): void {
    const call = {
      agent: this.#agent.id,
      storeId: hello.storeId,
      instanceNonce: hello.instanceNonce,
      atMs: this.#context.clock.nowMs(),
    };
    this.#greeting.make(
      () => this.#context.store.hello(call),
      (answer) => {
        if ("session" in answer) this.#handle({ on: "sessionBegun", session: answer.session });
        else this.#handle({ on: "silent" });
      },
    );
  }

  #welcome(hello: HelloFrame, session: number): void {
    const { clock, heartbeatMs, messageLimitBytes, store } = this.#context;
    this.#frameBytes = Math.min(hello.frameLimit, FRAME_MAX_BYTES);
    const sink = new Sink(this.#sinkPort(), {
      ...this.#context,
      agent: this.#agent.id,
      session,
      frameBytes: this.#frameBytes,
    });
    this.#sink = sink;
    this.#log("agentConnected", { session, skewMs: hello.nowMs - clock.nowMs() });
    this.#send({
      type: "welcome",
      stream: 0,
      minor: MINOR,
      capabilities: [],
      session,
      frameLimit: this.#frameBytes,
      heartbeatMs,
      upstreamCredit: sink.initialLimit(),
      nowMs: clock.nowMs(),
      messageLimit: messageLimitBytes,
      receiverStoreId: store.storeId,
    });
  }

  #sinkPort(): SinkPort {
    return {
      send: (frame) => this.#send(frame),
      fenced: () => {
        this.#log("agentFenced", {});
        this.#handle({ on: "fenced" });
      },
      violated: (code, frameType) => this.#handle({ on: "violated", code, frameType }),
      emptied: () => this.#handle({ on: "emptied" }),
      storeFailed: () => this.#handle({ on: "silent" }),
      log: (event, facts) => this.#log(event, facts),
    };
  }

  #send(frame: Frame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(encodeFrame(frame));
    this.#boundUnsent();
  }

  /** What a peer does not read waits here, and grows (I-8). */
  #boundUnsent(): void {
    if (this.#socket.bufferedAmount > UNSENT_MAX_BYTES) this.#socket.terminate();
  }

  #sendError(effect: Extract<ConnectionEffect, { do: "error" }>): void {
    const { code, frameType } = effect;
    this.#log("protocolViolation", { error: code, frameType: frameType ?? -1 });
    this.#send({
      type: "error",
      stream: 0,
      code,
      ...(frameType === undefined ? {} : { frameType }),
    });
  }

  #close(code: 1000 | 1002): void {
    this.#socket.close(code);
    // A peer that does not answer the close frame does not keep the socket.
    this.#context.clock.after(CLOSE_GRACE_MS, () => this.#socket.terminate());
  }

  #release(): void {
    this.#greeting.close();
    this.#liveness[Symbol.dispose]();
    for (const timer of this.#timers) timer[Symbol.dispose]();
    if (this.#sink !== undefined) this.#log("agentDisconnected", {});
    this.#sink?.close();
    this.#sink = undefined;
  }

  #after(delayMs: number, event: ConnectionEvent): void {
    this.#timers.push(this.#context.clock.after(delayMs, () => this.#handle(event)));
  }

  #log(event: LogEvent, facts: Facts): void {
    const { tenant, name } = this.#agent;
    const who = { tenant: identifierFrom(tenant), agent: identifierFrom(name) };
    this.#context.log.write(event, { ...who, ...facts });
  }
}
