/**
 * One agent's connection: carries out what the connection's state machine decides, on a websocket
 * that has passed the gate.
 *
 * @module
 */
import type { RawData, WebSocket } from "ws";
import { capabilitiesInForce, SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, type Frame, GOAWAY_CODE, type HelloFrame } from "#protocol/frame.ts";
import { FRAME_HEADER_BYTES, FRAME_MAX_BYTES, HELLO_TIMEOUT_MS, MINOR } from "#protocol/limits.ts";
import { ProtocolError } from "#protocol/protocol-error.ts";
import { Heartbeat } from "#streams/heartbeat.ts";
import { Budget } from "#streams/sink/credit.ts";
import { Sink } from "#streams/sink/sink.ts";
import type { SinkPort } from "#streams/sink/sink-port.ts";
import { StoreCalls } from "#streams/sink/store-calls.ts";
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  step,
} from "./connection-state.ts";
import type { CreditPool, CreditShare } from "./credit-pool.ts";
import { dataSocket } from "./downstream/data-socket.ts";
import { Downstream } from "./downstream/downstream.ts";
import { type Facts, type Identifier, identifierFrom } from "./errors.ts";
import type { Chance, Clock, Timer } from "./host/clock.ts";
import type { Log, LogEvent } from "./host/log.ts";
import {
  CLOSE_GRACE_MS,
  CONNECTION_ASSEMBLING_MAX_BYTES,
  DRAIN_MAX_MS,
  UNSENT_MAX_BYTES,
} from "./limits.ts";
import type { LiveAgents, LiveConnection } from "./live-agents.ts";
import { isServed } from "./served-channels.ts";
import type { OutgoingStore } from "./store/outgoing.ts";
import type { AgentRecord, Store } from "./store/store.ts";
import { StrangerLog } from "./stranger-log.ts";

/** What all connections of a receiver have in common. */
export interface ConnectionContext {
  readonly store: Store & OutgoingStore;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly isStoreFault: (error: unknown) => boolean;
  readonly budget: Budget;
  readonly live: LiveAgents;
  readonly messageLimitBytes: number;
  readonly heartbeatMs: number;
  readonly credit: CreditPool;
}

/** An agent whose certificate passed the gate, and where it called from. */
export type AdmittedAgent = Pick<AgentRecord, "id" | "tenant" | "name"> & {
  readonly peer: Identifier;
};

export class Connection implements LiveConnection {
  /** Resolves once the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #agent: AdmittedAgent;
  readonly #context: ConnectionContext;
  readonly #heartbeat: Heartbeat;
  readonly #greeting: StoreCalls;
  readonly #share: CreditShare;
  /** An agent that passed the gate may be as hostile as a stranger. */
  readonly #lines: StrangerLog;
  readonly #timers: Timer[] = [];
  #state: ConnectionState = { at: "new" };
  #sink: Sink | undefined;
  #downstream: Downstream | undefined;
  #frameBytes = FRAME_MAX_BYTES;

  /**
   * @param socket open, with the subprotocol agreed
   * @param agent whose certificate passed the gate (07 1.8)
   */
  constructor(socket: WebSocket, agent: AdmittedAgent, context: ConnectionContext) {
    this.#socket = socket;
    this.#agent = agent;
    this.#context = context;
    this.#share = context.credit.join();
    this.#lines = new StrangerLog(context.log, context.clock);
    this.#heartbeat = new Heartbeat({
      ...{ clock: context.clock, heartbeatMs: context.heartbeatMs },
      inFlight: () => this.#downstream?.isInFlight === true,
      ping: (nonce) => this.#send({ type: "ping", stream: 0, nonce }),
      onRoundTrip: (roundTripMs) => this.#downstream?.ponged(roundTripMs),
      onSilence: () => this.#handle({ on: "silent" }),
    });
    this.#greeting = new StoreCalls(context, {
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
    context.live.arrived(agent.id, this);
  }

  /** Says GOAWAY, waits for what is in hand, and closes (TP32). */
  shutDown(): void {
    this.#handle({ on: "shutdown" });
  }

  /** {@inheritDoc LiveConnection.fence} */
  fence(): void {
    this.#log("agentFenced", {});
    this.#handle({ on: "fenced" });
  }

  /** {@inheritDoc LiveConnection.lock} */
  lock(): void {
    this.#handle({ on: "duplicate" });
  }

  /** {@inheritDoc LiveConnection.wake} */
  wake(): void {
    this.#downstream?.look();
  }

  /** Hangs up now. */
  destroy(): void {
    this.#handle({ on: "silent" });
    this.#socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#heartbeat.heard();
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
      case "heed":
        this.#downstream?.heed(effect.frame);
        break;
      case "ponged":
        this.#heartbeat.ponged(effect.nonce);
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
        this.#sink?.flush();
        this.#downstream?.drain();
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
        if ("session" in answer) this.#begun(answer.session);
        else if (answer.kind === "busy") this.#handle({ on: "silent" });
        else this.#locked(answer.kind);
      },
    );
  }

  #begun(session: number): void {
    if (this.#context.live.begun(this.#agent.id, session, this)) {
      this.#handle({ on: "sessionBegun", session });
    } else this.fence();
  }

  /** TP33: of two live copies neither goes on; the other one is told too, if it is here. */
  #locked(kind: "duplicate" | "locked"): void {
    if (kind === "duplicate") {
      this.#log("agentLocked", {});
      this.#context.live.lock(this.#agent.id);
    }
    this.#handle({ on: "duplicate" });
  }

  #welcome(hello: HelloFrame, session: number): void {
    const { clock, heartbeatMs, messageLimitBytes, store } = this.#context;
    this.#frameBytes = Math.min(hello.frameLimit, FRAME_MAX_BYTES);
    const capabilities = capabilitiesInForce(SPOKEN_CAPABILITIES, hello.capabilities);
    const sink = new Sink(this.#sinkPort(), {
      ...this.#context,
      ...{ parity: 1, serves: isServed },
      budget: new Budget(CONNECTION_ASSEMBLING_MAX_BYTES, this.#context.budget),
      agent: this.#agent.id,
      session,
      frameBytes: this.#frameBytes,
      windowBytes: (usage) => this.#share.windowBytes(usage),
      isPartialInForce: capabilities.includes("partial"),
    });
    this.#sink = sink;
    const { peer } = this.#agent;
    const downstream = this.#openDownstream(hello, session, capabilities);
    this.#log("agentConnected", { session, skewMs: hello.nowMs - clock.nowMs(), peer });
    this.#send({
      type: "welcome",
      stream: 0,
      minor: MINOR,
      capabilities,
      session,
      frameLimit: this.#frameBytes,
      heartbeatMs,
      upstreamCredit: sink.initialLimit(),
      nowMs: clock.nowMs(),
      messageLimit: messageLimitBytes,
      receiverStoreId: store.storeId,
    });
    // Behind WELCOME: nothing else comes before it (TP10).
    downstream.look();
  }

  #openDownstream(hello: HelloFrame, session: number, capabilities: readonly string[]): Downstream {
    const { store, clock } = this.#context;
    this.#downstream = new Downstream({
      ...{ store, clock, session, agent: this.#agent.id, frameBytes: this.#frameBytes },
      creditBytes: hello.downstreamCredit,
      isPartialInForce: capabilities.includes("partial"),
      takesMessages: capabilities.includes("downstream"),
      takesCommands: capabilities.includes("commands"),
      socket: dataSocket(this.#socket, () => this.#downstream?.pump()),
      send: (frame) => this.#send(frame),
      fenced: () => this.fence(),
      failed: (error) => this.#failed(error),
      log: (event, facts) => this.#log(event, facts),
    });
    return this.#downstream;
  }

  /** The store says so itself where it cannot go on; a database that is away is back at the next connection. */
  #failed(error: unknown): void {
    if (!this.#context.isStoreFault(error)) throw error;
    this.#handle({ on: "silent" });
  }

  #sinkPort(): SinkPort {
    return {
      send: (frame) => this.#send(frame),
      fenced: () => this.fence(),
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
    this.#context.live.gone(this.#agent.id, this);
    this.#greeting.close();
    this.#heartbeat[Symbol.dispose]();
    for (const timer of this.#timers) timer[Symbol.dispose]();
    if (this.#sink !== undefined) this.#log("agentDisconnected", {});
    this.#downstream?.close();
    this.#downstream = undefined;
    this.#sink?.close();
    this.#sink = undefined;
    this.#share[Symbol.dispose]();
    this.#lines[Symbol.dispose]();
  }

  #after(delayMs: number, event: ConnectionEvent): void {
    this.#timers.push(this.#context.clock.after(delayMs, () => this.#handle(event)));
  }

  #log(event: LogEvent, facts: Facts): void {
    const { tenant, name } = this.#agent;
    const who = { tenant: identifierFrom(tenant), agent: identifierFrom(name) };
    this.#lines.write(event, { ...who, ...facts });
  }
}
