/**
 * The tunnel: one outbound connection that is always being kept, or being made again.
 *
 * A thin driver of `tunnel-state.ts`. It carries numbered messages of streams and does not know that
 * they are stored; what to do about a lost one is the business of its sources.
 *
 * @module
 */
import type { Identity } from "#certs/identity.ts";
import { capabilitiesInForce, SPOKEN_CAPABILITIES } from "#protocol/capabilities.ts";
import type { GoawayFrame, WelcomeFrame } from "#protocol/frame.ts";
import type { StreamSource } from "#streams/source/source-stream.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import {
  CLOCK_SKEW_ALARM_MS,
  DRAIN_MAX_MS,
  FENCED_AGAIN_MS,
  RETRY_AFTER_MAX_MS,
} from "../limits.ts";
import { retryAfterOf, stickyReasonOf } from "./after-failure.ts";
import type { Commands } from "./command-answer.ts";
import { dial } from "./dial.ts";
import { barredBy } from "./farewell.ts";
import type { Identities } from "./identities.ts";
import type { HttpProxy } from "./proxy.ts";
import type { DownstreamInbox } from "./receiving-streams.ts";
import type { RefusalReason } from "./refusal-reasons.ts";
import { Session } from "./session.ts";
import {
  step,
  TUNNEL_START,
  type TunnelEffect,
  type TunnelEvent,
  type TunnelState,
} from "./tunnel-state.ts";

export interface TunnelOptions {
  readonly receiverUrl: URL;
  readonly proxy?: HttpProxy | undefined;
  /** What WELCOME must put in force, or the receiver is not the one that was ordered (06 TP12). */
  readonly requireCapabilities?: readonly string[] | undefined;
  /** How far the receiver's clock may be from ours before a person hears of it. */
  readonly clockSkewAlarmMs?: number | undefined;
  readonly identities: Identities;
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
  /** Wall time, ms since 1970. Throttling comes and goes within one state. */
  readonly sinceMs: number;
  /** Until the next dial; `undefined` where none is waited for. */
  readonly nextAttemptInMs: number | undefined;
  readonly lastError: AgentError | undefined;
  readonly session: number | undefined;
  readonly windowBytes: number;
  /** Of the latest PING that was answered on this connection. */
  readonly roundTripMs: number | undefined;
  /** The receiver's clock minus ours at the last WELCOME, in ms. */
  readonly clockSkewMs: number | undefined;
}

/** What `dialNow` found. */
export interface Reconnected {
  readonly was: TunnelState["at"];
  /** It waited, and does no longer. */
  readonly dials: boolean;
}

export class Tunnel implements AsyncDisposable {
  readonly #options: TunnelOptions;
  readonly #instanceNonce: Uint8Array;
  readonly #sources: StreamSource[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #fencedAtMs = Number.NEGATIVE_INFINITY;
  #state: TunnelState = TUNNEL_START;
  #session: Session | undefined;
  #dialling: AbortController | undefined;
  #timer: Timer | undefined;
  #lastError: AgentError | undefined;
  #flowing = false;
  #inbox: DownstreamInbox | undefined;
  #commands: Commands | undefined;
  #sinceMs: number;
  /** Shown by the latest dial. */
  #identity: Identity | undefined;
  #welcome: { readonly session: number; readonly clockSkewMs: number } | undefined;

  private constructor(options: TunnelOptions) {
    this.#options = options;
    this.#instanceNonce = options.chance.bytes(16);
    this.#sinceMs = options.clock.nowMs();
  }

  /** Begins to dial at once, with the streams that are added before the next turn of the event loop. */
  static open(options: TunnelOptions): Tunnel {
    const tunnel = new Tunnel(options);
    tunnel.#timer = options.clock.after(0, () => tunnel.#apply({ on: "due" }));
    return tunnel;
  }

  /** Adds a stream; on a connection that streams it is opened at once. */
  add(source: StreamSource): void {
    this.#sources.push(source);
    this.#session?.add(source);
  }

  /** Messages from the receiver go there, from the next connection on. */
  deliverTo(inbox: DownstreamInbox): void {
    this.#inbox = inbox;
  }

  /** Commands are answered there, from the next connection on. */
  answerWith(commands: Commands): void {
    this.#commands = commands;
  }

  /** The inbox has room again, or no more. */
  roomChanged(): void {
    this.#session?.roomChanged();
  }

  /** Messages are at hand for `source`. */
  wake(source: StreamSource): void {
    this.#session?.wake(source);
  }

  /** Asks the receiver again where it stands on one stream. */
  reopen(source: StreamSource): void {
    this.#session?.reopen(source);
  }

  /** A person says that what kept it away is mended (06 section 10: operator). */
  dialNow(): Reconnected {
    const was = this.#state.at;
    const dials = was === "disconnected" || was === "sticky";
    if (dials) {
      this.#timer?.[Symbol.dispose]();
      this.#apply({ on: "due" });
    }
    return { was, dials };
  }

  /** An outage on purpose, until `letUp` or the end of the process: cut off, and not dialled. */
  holdDown(): void {
    this.#lastError = new AgentError("TUNNEL_HELD_DOWN", {});
    this.#apply({ on: "holdDown" });
  }

  letUp(): void {
    this.#apply({ on: "letUp" });
  }

  /** Another identity is there: what is in flight gets its acks, then the next connection shows it. */
  renewConnection(): void {
    this.dialNow();
    this.#apply({ on: "goaway", retryAfterMs: 0 });
  }

  /**
   * A CA is trusted no longer (07 1.9): the connection ends at once, or the dial under way, and the next one is made by
   * what is trusted now. It need not have been of that CA: to be made anew costs it a second.
   */
  distrust(): void {
    const [session, dialling] = [this.#session, this.#dialling];
    this.#session = undefined;
    this.#dialling = undefined;
    session?.cut();
    dialling?.abort();
    if (session !== undefined) {
      this.#lastError = new AgentError("TUNNEL_CA_WITHDRAWN", {});
      this.#options.log.fault("tunnelLost", this.#lastError);
    }
    this.#apply({ on: "lost", ...this.#now(), retryAfterMs: 0 });
    this.dialNow();
  }

  get standing(): TunnelStanding {
    const state = this.#state;
    const waitMs =
      "untilMs" in state ? state.untilMs - this.#options.clock.monotonicMs() : undefined;
    return {
      state: state.at,
      sinceMs: this.#sinceMs,
      nextAttemptInMs: waitMs === undefined ? undefined : Math.max(0, waitMs),
      lastError: this.#lastError,
      session: this.#welcome?.session,
      windowBytes: this.#session?.windowBytes ?? 0,
      roundTripMs: this.#session?.roundTripMs,
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
        this.#hangUp((session) => session.close());
        return;
      case "cut":
        this.#hangUp((session) => session.cut());
        return;
      case "armTimer":
        this.#armTimer();
        return;
    }
  }

  async #dial(): Promise<void> {
    const { receiverUrl, proxy, identities, clock, storeId, chance, log, version } = this.#options;
    const identity = identities.identity();
    this.#identity = identity;
    const dialling = new AbortController();
    this.#dialling = dialling;
    try {
      const { signal } = dialling;
      const dialled = await dial({ receiverUrl, proxy, identity, clock, signal });
      if (this.#state.at !== "connecting" || this.#dialling !== dialling) {
        dialled.socket.destroy();
        return;
      }
      const session = new Session(dialled, {
        clock,
        storeId,
        instanceNonce: this.#instanceNonce,
        version,
        sources: this.#sources,
        ...{ chance, log, inbox: this.#inbox, commands: this.#commands },
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
      // One that was given up says nothing about the one behind it.
      if (this.#dialling === dialling) this.#failed(error);
    } finally {
      if (this.#dialling === dialling) this.#dialling = undefined;
    }
  }

  #welcomed(frame: WelcomeFrame): void {
    const clockSkewMs = frame.nowMs - this.#options.clock.nowMs();
    this.#judgeClock(clockSkewMs);
    this.#welcome = { session: frame.session, clockSkewMs };
    this.#options.conditions.close("identityRefused", "");
    if (this.#identity !== undefined)
      this.#options.identities.welcomed(this.#identity, frame.nowMs);
    const inForce: readonly string[] = capabilitiesInForce(SPOKEN_CAPABILITIES, frame.capabilities);
    const missing = this.#options.requireCapabilities?.find((name) => !inForce.includes(name));
    if (missing === undefined) this.#apply({ on: "welcomed" });
    else this.#failed(new AgentError("TUNNEL_CAPABILITY", { missing: identifierFrom(missing) }));
  }

  /** 07 1.10: for a person; the agent never sets the clock. */
  #judgeClock(clockSkewMs: number): void {
    const { conditions, clock, clockSkewAlarmMs = CLOCK_SKEW_ALARM_MS } = this.#options;
    if (Math.abs(clockSkewMs) <= clockSkewAlarmMs) conditions.close("clockSkewed", "");
    else conditions.open("clockSkewed", "", { clockSkewMs }, clock.nowMs());
  }

  #goneAway(frame: GoawayFrame): void {
    const barred = barredBy(frame);
    const retryAfterMs = Math.min(frame.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
    if (barred === undefined) this.#apply({ on: "goaway", retryAfterMs });
    else {
      this.#lastError = barred.error;
      this.#options.log.fault("tunnelLost", barred.error);
      const isOnce = barred.why === "fenced" && this.#isFencedOnce();
      if (isOnce) this.#apply({ on: "fencedOnce", ...this.#now() });
      else this.#apply({ on: "barred", why: barred.why, ...this.#now() });
    }
  }

  #isFencedOnce(): boolean {
    const lastMs = this.#fencedAtMs;
    this.#fencedAtMs = this.#options.clock.monotonicMs();
    return this.#fencedAtMs - lastMs > FENCED_AGAIN_MS;
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
    const { clockSkewMs } = error.facts;
    if (typeof clockSkewMs === "number") this.#judgeClock(clockSkewMs);
    const why = stickyReasonOf(error);
    if (why === "refused" && this.#hasAnother(error)) {
      this.#apply({ on: "lost", ...this.#now(), retryAfterMs: 0 });
    } else if (why !== undefined) this.#apply({ on: "barred", why, ...this.#now() });
    else this.#apply({ on: "lost", ...this.#now(), ...retryAfterOf(error) });
  }

  /** 07 N7, PL10. */
  #hasAnother({ facts }: AgentError): boolean {
    const { clock, conditions, identities } = this.#options;
    const { code = identifierFrom("REFUSED"), clockSkewMs } = facts;
    conditions.open("identityRefused", "", { code }, clock.nowMs());
    if (this.#identity === undefined) return false;
    const receiverNowMs = typeof clockSkewMs === "number" ? clock.nowMs() + clockSkewMs : undefined;
    return identities.refused(this.#identity, String(code) as RefusalReason, receiverNowMs);
  }

  #hangUp(end: (session: Session) => void): void {
    this.#timer?.[Symbol.dispose]();
    const [session, dial] = [this.#session, this.#dialling];
    this.#session = undefined;
    // One that is given up says nothing about the receiver.
    this.#dialling = undefined;
    dial?.abort();
    if (session !== undefined) end(session);
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
    else if (/^(?:disconnected|sticky|heldDown)$/.test(state.at)) {
      const code = identifierFrom(this.#lastError?.code ?? "TUNNEL_UNREACHABLE");
      conditions.open("tunnelDown", "", { code }, clock.nowMs());
    }
    // Throttling comes and goes many times a second under load: `status` shows it, the log does not.
    if (!(flowing && this.#flowing)) {
      this.#sinceMs = clock.nowMs();
      log.write("tunnelState", { state: identifierFrom(state.at) });
    }
    this.#flowing = flowing;
  }

  #now(): { readonly nowMs: number; readonly chance: number } {
    return { nowMs: this.#options.clock.monotonicMs(), chance: this.#options.chance.unit() };
  }
}
