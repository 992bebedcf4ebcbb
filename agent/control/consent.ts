/**
 * What the hospital allows (08 4.2, 4.3): by `policy.support`, by the kill switch, and by a window that a person opens
 * for a while. A window lives in memory alone: it ends by itself, and with the process.
 *
 * @module
 */
import type { Policy } from "#config/policy.ts";
import { AgentError } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import { Subscribers } from "../host/subscribers.ts";
import type { ConsentLevel } from "./catalogue.ts";
import type { SupportSwitch } from "./support-switch.ts";

const HOUR_MS = 3_600_000;

export interface SupportWindow {
  readonly ticket: string;
  /** Wall time, for people. */
  readonly opensMs: number;
  readonly endsMs: number;
}

export interface ConsentParts {
  readonly policy: Policy["support"];
  readonly killSwitch: SupportSwitch;
  readonly clock: Clock;
}

export class Consent implements Disposable {
  readonly #parts: ConsentParts;
  readonly #changes = new Subscribers<[]>();
  #window: SupportWindow | undefined;
  /** Monotonic: a machine that slept fires its timers late. */
  #untilMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(parts: ConsentParts) {
    this.#parts = parts;
  }

  get level(): ConsentLevel {
    // The schema of `policy.support` allows 0 to 2.
    return this.#parts.policy.consentLevel as ConsentLevel;
  }

  get isOff(): boolean {
    const { policy, killSwitch } = this.#parts;
    return !policy.enabled || killSwitch.isOff;
  }

  get window(): SupportWindow | undefined {
    return this.#parts.clock.monotonicMs() < this.#untilMs ? this.#window : undefined;
  }

  /** VM5. @returns why it is not allowed */
  objection(level: ConsentLevel): "SUPPORT_OFF" | "CONSENT" | undefined {
    if (this.isOff) return "SUPPORT_OFF";
    const isAllowed = level <= this.level && (level < 2 || this.window !== undefined);
    return isAllowed ? undefined : "CONSENT";
  }

  /** @throws {AgentError} `SUPPORT_IS_OFF`, `SUPPORT_WINDOW_TOO_LONG` where no such window may be opened */
  refuseWindow(hours: number): void {
    const { windowMaxHours } = this.#parts.policy;
    if (this.isOff) throw new AgentError("SUPPORT_IS_OFF", {});
    if (hours > windowMaxHours) throw new AgentError("SUPPORT_WINDOW_TOO_LONG", { windowMaxHours });
  }

  /** In the place of one that is open. @throws as `refuseWindow` */
  open(hours: number, ticket: string): SupportWindow {
    this.refuseWindow(hours);
    const { clock } = this.#parts;
    this.#end();
    const opensMs = clock.nowMs();
    const window = { ticket, opensMs, endsMs: opensMs + hours * HOUR_MS };
    this.#window = window;
    this.#untilMs = clock.monotonicMs() + hours * HOUR_MS;
    this.#timer = clock.after(hours * HOUR_MS, () => this.close());
    this.#changes.tell();
    return window;
  }

  /** @returns whether one was open */
  close(): boolean {
    const wasOpen = this.#end();
    if (wasOpen) this.#changes.tell();
    return wasOpen;
  }

  /** Ends a window, too. @throws {AgentError} `SUPPORT_SWITCH` */
  turnOff(): void {
    this.#end();
    try {
      this.#parts.killSwitch.off();
    } finally {
      this.#changes.tell();
    }
  }

  /** @throws {AgentError} `SUPPORT_SWITCH` */
  turnOn(): void {
    this.#parts.killSwitch.on();
    this.#changes.tell();
  }

  /** Told whenever something may be allowed that was not, or no longer. */
  onChange(tell: () => void): Disposable {
    return this.#changes.add(tell);
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #end(): boolean {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const wasOpen = this.#window !== undefined;
    this.#window = undefined;
    return wasOpen;
  }
}
