/**
 * How the channels did until now, minute by minute: what a configuration in probation is compared with (07 2.11).
 *
 * @module
 */
import type { Baseline } from "#config/probation.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { ChannelHealth } from "../running/channel-health.ts";

export interface HealthHistoryOptions {
  readonly health: () => readonly ChannelHealth[];
  readonly isTunnelUp: () => boolean;
  /** As long as a probation. */
  readonly minutes: number;
  readonly clock: Clock;
}

const LOOK_MS = 10_000;
const LOOKS_A_MINUTE = 6;

export const errorsOf = ({ negativeCount, errorCount }: ChannelHealth): number =>
  negativeCount + errorCount;

export const depthOf = (health: readonly ChannelHealth[]): number =>
  health.reduce((sum, { backlogBytes }) => sum + backlogBytes, 0);

export class HealthHistory implements Disposable {
  readonly #options: HealthHistoryOptions;
  readonly #timer: Timer;
  readonly #depths: number[] = [];
  /** Of each channel: counts by minute, and where the counter stood when the minute began. */
  readonly #errors = new Map<string, { readonly byMinute: number[]; last: number }>();
  #looks = 0;
  #isClosed = false;

  constructor(options: HealthHistoryOptions) {
    this.#options = options;
    this.#timer = options.clock.after(LOOK_MS, () => this.#look());
    this.#count();
  }

  /** As of now. */
  baseline(): Baseline {
    this.#count();
    const errors = [...this.#errors].map(([name, { byMinute }]) => [name, [...byMinute]] as const);
    return {
      errorsByMinute: new Map(errors),
      outboxDepths: [...this.#depths],
      isTunnelUp: this.#options.isTunnelUp(),
    };
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
  }

  #look(): void {
    if (this.#isClosed) return;
    this.#looks += 1;
    const { health, minutes } = this.#options;
    this.#depths.push(depthOf(health()));
    this.#depths.splice(0, this.#depths.length - minutes * LOOKS_A_MINUTE);
    if (this.#looks % LOOKS_A_MINUTE === 0) this.#count();
    this.#timer.refresh();
  }

  #count(): void {
    const { health, minutes } = this.#options;
    const now = health();
    const names = new Set(now.map(({ name }) => name));
    for (const name of this.#errors.keys()) if (!names.has(name)) this.#errors.delete(name);
    for (const one of now) {
      const count = errorsOf(one);
      const known = this.#errors.get(one.name);
      if (known === undefined) {
        this.#errors.set(one.name, { byMinute: [], last: count });
        continue;
      }
      // A channel that was opened anew counts from nothing.
      known.byMinute.push(Math.max(0, count - known.last));
      known.byMinute.splice(0, known.byMinute.length - minutes);
      known.last = count;
    }
  }
}
