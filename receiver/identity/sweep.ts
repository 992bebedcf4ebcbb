/**
 * Who is connected and may not be any more (07 1.8): an expired certificate, an age beyond the limit, the deny
 * list, a lock, a certificate that was replaced. One look every few seconds, and one at once where this node
 * was told; what another node was told is found by the next look.
 *
 * @module
 */
import { ReceiverError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import { PAGE_LIVE_MAX_COUNT, SOCKET_AGE_JITTER, SWEEP_MS } from "../limits.ts";
import type { LiveIdentity, Registry } from "../store/registry.ts";

/** A connection. */
export interface Swept {
  /** Resolves when it is over. */
  readonly closed: Promise<void>;
  /** Says GOAWAY, waits for what is in hand, and closes: the agent comes back, or is told why not. */
  shutDown(): void;
  /** Hangs up now. */
  destroy(): void;
}

export interface SweepOptions {
  readonly registry: Pick<Registry, "barredOf">;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly maxSocketAgeMs: number;
}

interface Entry {
  readonly swept: Swept;
  readonly identity: LiveIdentity & { readonly notAfterMs: number };
  /** By the monotonic clock. */
  readonly endMs: number;
}

export class Sweep implements Disposable {
  readonly #options: SweepOptions;
  readonly #entries = new Set<Entry>();
  readonly #ends = new DisposableStack();
  #isLooking = false;
  #isLookDue = false;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#ends.use(options.clock.every(SWEEP_MS, () => this.look()));
  }

  /** Watches a connection until it is over. */
  add(swept: Swept, identity: Entry["identity"]): void {
    const { clock, chance, maxSocketAgeMs } = this.#options;
    const ageMs = maxSocketAgeMs * (1 - SOCKET_AGE_JITTER * chance.unit());
    const entry = { swept, identity, endMs: clock.monotonicMs() + ageMs };
    this.#entries.add(entry);
    void swept.closed.then(() => this.#entries.delete(entry));
  }

  /** One look at a time; what comes during one leads to one more. */
  look(): void {
    this.#isLookDue = true;
    if (this.#isLooking || this.#ends.disposed) return;
    this.#isLooking = true;
    this.#lookWhileDue().then(
      () => {
        this.#isLooking = false;
      },
      (error: unknown) => {
        this.#isLooking = false;
        // A database that is away is asked again; a store that is gone ends the process (S9).
        if (!(error instanceof ReceiverError)) throw error;
      },
    );
  }

  [Symbol.dispose](): void {
    this.#ends.dispose();
  }

  async #lookWhileDue(): Promise<void> {
    while (this.#isLookDue && !this.#ends.disposed) {
      this.#isLookDue = false;
      this.#endTheOld();
      const all = [...this.#entries];
      for (let from = 0; from < all.length; from += PAGE_LIVE_MAX_COUNT) {
        await this.#endTheBarred(all.slice(from, from + PAGE_LIVE_MAX_COUNT));
      }
    }
  }

  #endTheOld(): void {
    const { clock } = this.#options;
    const [nowMs, atMs] = [clock.nowMs(), clock.monotonicMs()];
    for (const { swept, identity, endMs } of this.#entries) {
      if (nowMs > identity.notAfterMs || atMs >= endMs) swept.shutDown();
    }
  }

  async #endTheBarred(entries: readonly Entry[]): Promise<void> {
    const live = entries.map(({ identity: { agent, serialHex } }) => ({ agent, serialHex }));
    const barred = await this.#options.registry.barredOf(live);
    const keys = new Set(barred.map(keyOf));
    for (const { swept, identity } of entries) if (keys.has(keyOf(identity))) swept.destroy();
  }
}

const keyOf = ({ agent, serialHex }: LiveIdentity): string => `${agent} ${serialHex}`;
