/**
 * Watches a configuration that is new, until it is known to be good or not (07 2.11).
 *
 * What comes and goes by itself, such as a connection that is renewed, must be seen three times in a row. All else ends
 * the probation at once.
 *
 * @module
 */
import { type Baseline, type ProbationFault, whatProbationFinds } from "#config/probation.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { ChannelHealth } from "../running/channel-health.ts";
import { depthOf, errorsOf } from "./health-history.ts";

export interface ProbationOptions {
  readonly minutes: number;
  readonly before: Baseline;
  readonly health: () => readonly ChannelHealth[];
  readonly isTunnelUp: () => boolean;
  /** Whether the receiver's host, and the proxy if there is one, take connections. Never rejects. */
  readonly isWayOpen: () => Promise<boolean>;
  /** Whether a message of our own passes through the store. Never rejects. */
  readonly synthetic: () => Promise<boolean>;
  readonly clock: Clock;
  readonly onEnd: (faults: readonly ProbationFault[]) => void;
}

export const PROBATION_LOOK_MS = 5_000;
/** Depths are as far apart as those of the baseline. */
const LOOKS_A_DEPTH = 2;
const PATIENCE = 3;
const PASSING: readonly ProbationFault["code"][] = ["channelDown", "tunnelDown"];
const MINUTE_MS = 60_000;

export class ProbationWatch implements Disposable {
  readonly #options: ProbationOptions;
  readonly #beganMs: number;
  readonly #errorsBefore: ReadonlyMap<string, number>;
  readonly #depths: number[] = [];
  #timer: Timer;
  #looks = 0;
  #inARow = 0;
  #hasSyntheticPassed: boolean | undefined;
  #isClosed = false;

  constructor(options: ProbationOptions) {
    this.#options = options;
    this.#beganMs = options.clock.monotonicMs();
    this.#errorsBefore = new Map(options.health().map((one) => [one.name, errorsOf(one)]));
    this.#timer = options.clock.after(PROBATION_LOOK_MS, () => void this.#look());
    void this.#send();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
  }

  /** At the beginning and again at the end. */
  async #send(): Promise<void> {
    this.#hasSyntheticPassed = await this.#options.synthetic();
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    const { clock, minutes, onEnd } = this.#options;
    const isOver = clock.monotonicMs() - this.#beganMs >= minutes * MINUTE_MS;
    if (isOver) await this.#send();
    const faults = await this.#faults();
    if (this.#isClosed) return;
    this.#inARow = faults.length === 0 ? 0 : this.#inARow + 1;
    const isPassing = faults.every(({ code }) => PASSING.includes(code));
    const isCertain = faults.length > 0 && (!isPassing || this.#inARow >= PATIENCE || isOver);
    if (isCertain || isOver) {
      this[Symbol.dispose]();
      onEnd(isCertain ? faults : []);
      return;
    }
    this.#timer = clock.after(PROBATION_LOOK_MS, () => void this.#look());
  }

  async #faults(): Promise<readonly ProbationFault[]> {
    const { before, health, isTunnelUp, isWayOpen, clock } = this.#options;
    const now = health();
    this.#looks += 1;
    if (this.#looks % LOOKS_A_DEPTH === 0) this.#depths.push(depthOf(now));
    const isUp = isTunnelUp();
    const passed = this.#hasSyntheticPassed;
    return whatProbationFinds(before, {
      minutes: Math.ceil((clock.monotonicMs() - this.#beganMs) / MINUTE_MS),
      working: new Map(now.map(({ name, isWorking }) => [name, isWorking])),
      errors: new Map(now.map((one) => [one.name, this.#errorsSince(one)])),
      outboxDepths: this.#depths,
      ...(passed === undefined ? {} : { hasSyntheticPassed: passed }),
      isTunnelUp: isUp,
      // Asked only where it decides something: it costs a connection.
      isWayOpen: before.isTunnelUp && !isUp ? await isWayOpen() : true,
    });
  }

  #errorsSince(one: ChannelHealth): number {
    return Math.max(0, errorsOf(one) - (this.#errorsBefore.get(one.name) ?? 0));
  }
}
