/**
 * Whether messages may be taken at all: closed while the store cannot store (03 E1).
 *
 * A withheld reply and a closed listener are the two signals that nearly every sender reads as "not
 * delivered": a negative acknowledgment would make some of them go on with the next message.
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { Subscribers } from "../host/subscribers.ts";
import { HEALTH_PROBE_MS } from "../limits.ts";

export interface StoreGateOptions {
  /** Commits once, durably; rejects while that is impossible. */
  readonly probe: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly probeIntervalMs?: number;
}

export class StoreGate implements Disposable {
  readonly #options: StoreGateOptions;
  readonly #listeners = new Subscribers<[open: boolean]>();
  #open = true;
  #ended = false;
  #timer: Timer | undefined;
  #reason = new AgentError("STORE_BUSY", {});

  constructor(options: StoreGateOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Why it is closed, or was last. */
  get reason(): AgentError {
    return this.#reason;
  }

  /** Calls `listener` at each change. */
  onChange(listener: (open: boolean) => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** The store refused: close, and probe until it can store again. */
  close(error: AgentError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#reason = error;
    const { conditions, clock, log } = this.#options;
    const facts = { ...error.facts, code: identifierFrom(error.code) };
    conditions.open("storeFailing", "", facts, clock.nowMs());
    log.fault("storeFailing", error);
    this.#tell();
    this.#armProbe();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #armProbe(): void {
    const { clock, probe, probeIntervalMs = HEALTH_PROBE_MS } = this.#options;
    this.#timer = clock.after(probeIntervalMs, () => {
      probe().then(
        () => this.#reopen(),
        () => {
          if (!this.#ended) this.#armProbe();
        },
      );
    });
  }

  #reopen(): void {
    if (this.#ended) return;
    this.#open = true;
    this.#options.conditions.close("storeFailing", "");
    this.#options.log.write("storeHealthy", {});
    this.#tell();
  }

  #tell(): void {
    this.#listeners.tell(this.#open);
  }
}
