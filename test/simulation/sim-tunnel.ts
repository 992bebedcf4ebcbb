/**
 * The agent's tunnel without a network: the real states and the real session, on a wire of the simulation.
 * What `agent/tunnel/tunnel.ts` does with them stands here once more, because that one dials real sockets.
 *
 * @module
 */
import type { AgentError } from "#agent/errors.ts";
import type { Clock, Timer } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { DRAIN_MAX_MS, HANDSHAKE_TIMEOUT_MS, RETRY_AFTER_MAX_MS } from "#agent/limits.ts";
import type { Dialled } from "#agent/tunnel/dial.ts";
import { barredBy } from "#agent/tunnel/farewell.ts";
import { Session } from "#agent/tunnel/session.ts";
import type { Tunnel } from "#agent/tunnel/tunnel.ts";
import {
  step,
  TUNNEL_START,
  type TunnelEffect,
  type TunnelEvent,
  type TunnelState,
} from "#agent/tunnel/tunnel-state.ts";
import type { StreamSource } from "#streams/source/source-stream.ts";
import type { Life } from "./life.ts";
import { Wire } from "./wire.ts";
import type { World } from "./world.ts";

export class SimTunnel {
  readonly #world: World;
  readonly #life: Life;
  readonly #clock: Clock;
  readonly #nonce: Uint8Array;
  readonly #sources: StreamSource[] = [];
  #state: TunnelState = TUNNEL_START;
  #session: Session | undefined;
  #wire: Wire | undefined;
  #timer: Timer | undefined;
  #dials = 0;

  constructor(world: World, life: Life, clock: Clock) {
    this.#world = world;
    this.#life = life;
    this.#clock = clock;
    this.#nonce = world.chance.bytes(16);
    clock.after(0, () => this.#apply({ on: "due" }));
  }

  /** What the relay asks of a tunnel, and no more. */
  get face(): Tunnel {
    return this as unknown as Tunnel;
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** The path of this moment. */
  get wire(): Wire | undefined {
    return this.#wire;
  }

  add(source: StreamSource): void {
    this.#sources.push(source);
  }

  deliverTo(): void {}
  roomChanged(): void {}

  wake(source: StreamSource): void {
    this.#session?.wake(source);
  }

  reopen(source: StreamSource): void {
    this.#session?.reopen(source);
  }

  #apply(event: TunnelEvent): void {
    const { state, effects } = step(this.#state, event);
    if (state.at !== this.#state.at) this.#world.note(`tunnel ${state.at}`);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: TunnelEffect): void {
    switch (effect) {
      case "dial":
        this.#dial();
        return;
      case "hello":
        this.#session?.hello();
        return;
      case "open":
        this.#session?.open();
        return;
      case "drain":
        this.#timer = this.#clock.after(DRAIN_MAX_MS, () => this.#drained());
        this.#session?.drain();
        return;
      case "hangUp":
      case "cut":
        this.#hangUp();
        return;
      case "armTimer":
        this.#armTimer();
        return;
    }
  }

  /** The balancer names a node; one that is stopped takes the connection, and says nothing. */
  #dial(): void {
    const { chance, nodes, scheduler } = this.#world;
    const node = chance.pick(nodes);
    this.#dials += 1;
    const dial = this.#dials;
    const isLost = chance.happens(this.#world.faults.lostDials);
    const isHung = node.life.isPaused && chance.happens(0.7);
    const delayMs = isHung ? HANDSHAKE_TIMEOUT_MS : chance.between(1, 200);
    this.#clock.after(delayMs, () => {
      if (dial !== this.#dials || this.#state.at !== "connecting") return;
      if (isLost || isHung) {
        this.#lost();
        return;
      }
      const wire = new Wire(this.#world, this.#life, node.life);
      this.#wire = wire;
      scheduler.after(0, node.life, `${node.name} accepts`, () => node.accept(wire));
      this.#begin(wire);
    });
  }

  #begin(wire: Wire): void {
    const clock = this.#clock;
    const end = wire.agentEnd as unknown;
    const dialled = { webSocket: end, socket: end } as Dialled;
    const session = new Session(dialled, {
      ...{ clock, storeId: this.#world.storeId, instanceNonce: this.#nonce, version: "0.1.0" },
      ...{ sources: this.#sources, chance: this.#world.chance, log: silentLog, inbox: undefined },
      onWelcome: () => this.#apply({ on: "welcomed" }),
      onResumed: () => this.#apply({ on: "resumed", nowMs: clock.monotonicMs() }),
      onThrottle: (throttled) => this.#apply({ on: throttled ? "throttled" : "credited" }),
      onGoaway: (frame) => {
        const barred = barredBy(frame);
        this.#world.count(`goaway ${frame.code}`);
        const retryAfterMs = Math.min(frame.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
        if (barred === undefined) this.#apply({ on: "goaway", retryAfterMs });
        else this.#apply({ on: "barred", why: barred.why, ...this.#now() });
      },
      onDrained: () => this.#drained(),
      onEnd: (error) => this.#ended(session, error),
    });
    this.#session = session;
    this.#apply({ on: "upgraded" });
  }

  #ended(session: Session, error: AgentError): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    // Two ends that keep to the protocol never blame each other.
    if (error.code === "TUNNEL_PROTOCOL")
      this.#world.judge.violate(`protocol error ${JSON.stringify(error.facts)}`);
    this.#lost();
  }

  #lost(): void {
    this.#apply({ on: "lost", ...this.#now() });
  }

  #drained(): void {
    this.#apply({ on: "drained", ...this.#now() });
  }

  #hangUp(): void {
    this.#timer?.[Symbol.dispose]();
    const session = this.#session;
    this.#session = undefined;
    session?.close();
  }

  #armTimer(): void {
    if (!("untilMs" in this.#state)) return;
    this.#timer?.[Symbol.dispose]();
    const delayMs = Math.max(0, this.#state.untilMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.after(delayMs, () => this.#apply({ on: "due" }));
  }

  #now(): { readonly nowMs: number; readonly chance: number } {
    return { nowMs: this.#clock.monotonicMs(), chance: this.#world.chance.unit() };
  }
}
