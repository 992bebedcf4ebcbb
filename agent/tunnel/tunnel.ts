/**
 * The tunnel: one outbound connection that is always being kept, or being made again.
 *
 * A thin driver of `tunnel-state.ts`. It carries numbered messages of streams and does not know that
 * they are stored; what to do about a lost one is the business of its sources.
 *
 * @module
 */
import type { Identity } from "#certs/identity.ts";
import { GOAWAY_CODE, type GoawayFrame, type WelcomeFrame } from "#protocol/frame.ts";
import { AgentError, type ErrorCode, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { DRAIN_MAX_MS, RETRY_AFTER_MAX_MS } from "../limits.ts";
import { dial } from "./dial.ts";
import { Session } from "./session.ts";
import type { StreamSource } from "./source-stream.ts";
import {
  type StickyReason,
  step,
  TUNNEL_START,
  type TunnelEffect,
  type TunnelEvent,
  type TunnelState,
} from "./tunnel-state.ts";

export interface TunnelOptions {
  readonly receiverUrl: URL;
  readonly identity: Identity;
  readonly storeId: Uint8Array;
  readonly version: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
}

/** What `status` shows. */
export interface TunnelStanding {
  readonly state: TunnelState["at"];
  readonly lastError: AgentError | undefined;
  readonly session: number | undefined;
  readonly windowBytes: number;
  /** The receiver's clock minus ours at the last WELCOME, in ms. */
  readonly clockSkewMs: number | undefined;
}

const STICKY_BY_GOAWAY: Readonly<Record<number, StickyReason>> = {
  [GOAWAY_CODE.fenced]: "fenced",
  [GOAWAY_CODE.duplicateIdentity]: "duplicateIdentity",
  [GOAWAY_CODE.version]: "version",
  [GOAWAY_CODE.denied]: "refused",
  [GOAWAY_CODE.certExpired]: "refused",
};

const ERROR_BY_REASON = {
  fenced: "TUNNEL_FENCED",
  duplicateIdentity: "TUNNEL_FENCED",
  version: "TUNNEL_VERSION",
  refused: "TUNNEL_REFUSED",
} as const satisfies Record<StickyReason, ErrorCode>;

export class Tunnel implements AsyncDisposable {
  readonly #options: TunnelOptions;
  readonly #instanceNonce: Uint8Array;
  readonly #sources: StreamSource[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #state: TunnelState = TUNNEL_START;
  #session: Session | undefined;
  #dialling: AbortController | undefined;
  #timer: Timer | undefined;
  #lastError: AgentError | undefined;
  #flowing = false;
  #welcome: { readonly session: number; readonly clockSkewMs: number } | undefined;

  private constructor(options: TunnelOptions) {
    this.#options = options;
    this.#instanceNonce = options.chance.bytes(16);
  }

  /** Begins to dial at once, with the streams that are added before the next turn of the event loop. */
  static open(options: TunnelOptions): Tunnel {
    const tunnel = new Tunnel(options);
    tunnel.#timer = options.clock.after(0, () => tunnel.#apply({ on: "due" }));
    return tunnel;
  }

  /** Adds a stream; it is opened with the next connection. */
  add(source: StreamSource): void {
    this.#sources.push(source);
  }

  /** Messages are at hand for `source`. */
  wake(source: StreamSource): void {
    this.#session?.wake(source);
  }

  /** Asks the receiver again where it stands on one stream. */
  reopen(source: StreamSource): void {
    this.#session?.reopen(source);
  }

  get standing(): TunnelStanding {
    return {
      state: this.#state.at,
      lastError: this.#lastError,
      session: this.#welcome?.session,
      windowBytes: this.#session?.windowBytes ?? 0,
      clockSkewMs: this.#welcome?.clockSkewMs,
    };
  }

  /** Stops: what is in flight gets ten seconds for its acks; the rest stays where it is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#apply({ on: "stop" });
    await this.#closed.promise;
  }

  /** Hangs up now. */
  abort(): void {
    this.#apply({ on: "stop" });
    this.#apply({ on: "drained", ...this.#now() });
  }

  #apply(event: TunnelEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event);
    this.#state = state;
    if (state.at !== before.at) this.#announce(state);
    for (const effect of effects) this.#perform(effect);
    if (state.at === "closed") this.#closed.resolve();
  }

  #perform(effect: TunnelEffect): void {
    switch (effect) {
      case "dial":
        this.#options.tasks.run("tunnel.dial", () => this.#dial());
        return;
      case "hello":
        this.#session?.hello();
        return;
      case "open":
        this.#session?.open();
        return;
      case "drain":
        this.#timer = this.#options.clock.after(DRAIN_MAX_MS, () =>
          this.#apply({ on: "drained", ...this.#now() }),
        );
        this.#session?.drain();
        return;
      case "hangUp":
        this.#hangUp();
        return;
      case "armTimer":
        this.#armTimer();
        return;
    }
  }

  async #dial(): Promise<void> {
    const { receiverUrl, identity, clock, storeId, version } = this.#options;
    const dialling = new AbortController();
    this.#dialling = dialling;
    try {
      const dialled = await dial({ receiverUrl, identity, signal: dialling.signal });
      if (this.#state.at !== "connecting") {
        dialled.socket.destroy();
        return;
      }
      const session = new Session(dialled, {
        clock,
        storeId,
        instanceNonce: this.#instanceNonce,
        version,
        sources: this.#sources,
        onWelcome: (frame) => this.#welcomed(frame),
        onResumed: () => this.#apply({ on: "resumed", nowMs: clock.monotonicMs() }),
        onThrottle: (throttled) => this.#apply({ on: throttled ? "throttled" : "credited" }),
        onGoaway: (frame) => this.#goneAway(frame),
        onDrained: () => this.#apply({ on: "drained", ...this.#now() }),
        onEnd: (error) => this.#ended(session, error),
      });
      this.#session = session;
      this.#apply({ on: "upgraded" });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#failed(error);
    } finally {
      this.#dialling = undefined;
    }
  }

  #welcomed(frame: WelcomeFrame): void {
    const clockSkewMs = frame.nowMs - this.#options.clock.nowMs();
    this.#welcome = { session: frame.session, clockSkewMs };
    this.#apply({ on: "welcomed" });
  }

  #goneAway(frame: GoawayFrame): void {
    const why = STICKY_BY_GOAWAY[frame.code];
    const retryAfterMs = Math.min(frame.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
    if (why === undefined) this.#apply({ on: "goaway", retryAfterMs });
    else {
      const code = ERROR_BY_REASON[why];
      this.#lastError = new AgentError(code, { goaway: frame.code });
      this.#options.log.fault("tunnelLost", this.#lastError);
      this.#apply({ on: "barred", why, ...this.#now() });
    }
  }

  #ended(session: Session, error: AgentError): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#failed(error);
  }

  #failed(error: AgentError): void {
    this.#lastError = error;
    if (this.#state.at !== "draining" && this.#state.at !== "closed") {
      this.#options.log.fault("tunnelLost", error);
    }
    const why = { TUNNEL_REFUSED: "refused", TUNNEL_VERSION: "version" } as const;
    const reason = error.code in why ? why[error.code as keyof typeof why] : undefined;
    if (reason !== undefined) this.#apply({ on: "barred", why: reason, ...this.#now() });
    else this.#apply({ on: "lost", ...this.#now() });
  }

  #hangUp(): void {
    this.#timer?.[Symbol.dispose]();
    this.#dialling?.abort();
    const session = this.#session;
    this.#session = undefined;
    session?.close();
  }

  #armTimer(): void {
    if (!("untilMs" in this.#state)) return;
    this.#timer?.[Symbol.dispose]();
    const delayMs = Math.max(0, this.#state.untilMs - this.#options.clock.monotonicMs());
    this.#timer = this.#options.clock.after(delayMs, () => this.#apply({ on: "due" }));
  }

  #announce(state: TunnelState): void {
    const { log, conditions, clock } = this.#options;
    const flowing = state.at === "streaming" || state.at === "throttled";
    if (flowing) conditions.close("tunnelDown", "");
    else if (state.at === "disconnected" || state.at === "sticky") {
      const code = identifierFrom(this.#lastError?.code ?? "TUNNEL_UNREACHABLE");
      conditions.open("tunnelDown", "", { code }, clock.nowMs());
    }
    // Throttling comes and goes many times a second under load: `status` shows it, the log does not.
    if (!(flowing && this.#flowing)) log.write("tunnelState", { state: identifierFrom(state.at) });
    this.#flowing = flowing;
  }

  #now(): { readonly nowMs: number; readonly chance: number } {
    return { nowMs: this.#options.clock.monotonicMs(), chance: this.#options.chance.unit() };
  }
}
