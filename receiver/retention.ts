/**
 * How long bodies stay (TP38): until every outlet has handed them on, and `retainHours` at least.
 *
 * Numbers, digests, chains, epochs and gaps stay for ever. Of a channel that no outlet takes nobody here
 * knows who has got its messages, so that their bodies go only if the configuration says after which time.
 *
 * @module
 */
import { ReceiverError } from "./errors.ts";
import type { Clock } from "./host/clock.ts";
import { PAGE_MAX_COUNT, RETAIN_DEFAULT_HOURS } from "./limits.ts";
import { OUTCOMES_CHANNEL, STATUS_CHANNEL } from "./served-channels.ts";
import type { OutgoingStore } from "./store/outgoing.ts";
import type { Store, WaitingOutlet } from "./store/store.ts";

const HOUR_MS = 3_600_000;
/** What agents report is taken by the receiver itself (`openOutcomes`), and by nobody else. */
const OUTCOMES: WaitingOutlet = { outlet: OUTCOMES_CHANNEL, channels: [OUTCOMES_CHANNEL] };
/** The same: what is kept of heads for ever is a row of their own (`openHeads`). */
const HEADS: WaitingOutlet = { outlet: STATUS_CHANNEL, channels: [STATUS_CHANNEL] };

export interface RetentionOptions {
  readonly store: Pick<Store, "prune"> & Pick<OutgoingStore, "pruneOutgoing">;
  readonly clock: Clock;
  /** Of the configuration; undefined if it does not say. */
  readonly retainHours: number | undefined;
  /** Those of the platform. */
  readonly outlets: readonly WaitingOutlet[];
}

/** Looks now, and each hour from then on; the disposal waits for the step that is under way. */
export function openRetention(options: RetentionOptions): AsyncDisposable {
  let isStopped = false;
  let running: Promise<void> | undefined;
  const look = (): void => {
    running ??= pruneAll(options, () => isStopped).finally(() => {
      running = undefined;
    });
  };
  const timer = options.clock.every(HOUR_MS, look);
  look();
  return {
    async [Symbol.asyncDispose]() {
      isStopped = true;
      timer[Symbol.dispose]();
      await running;
    },
  };
}

async function pruneAll(options: RetentionOptions, isStopped: () => boolean): Promise<void> {
  const { store, clock, retainHours } = options;
  const outlets = [...options.outlets, OUTCOMES, HEADS];
  const keepsUntaken = retainHours === undefined;
  const beforeMs = clock.nowMs() - (retainHours ?? RETAIN_DEFAULT_HOURS) * HOUR_MS;
  try {
    // Otherwise everything is untaken, and a store would look through all of it in vain.
    const mayGo = options.outlets.length > 0 || !keepsUntaken;
    for (let after: number | null = null; mayGo && !isStopped(); ) {
      const result = await store.prune({ beforeMs, outlets, keepsUntaken, after });
      // A full disk, or a database that is away: the next hour comes.
      if (result.kind === "busy" || result.next === null) break;
      after = result.next;
    }
    while (!isStopped()) {
      const result = await store.pruneOutgoing(beforeMs);
      if (!("count" in result) || result.count < PAGE_MAX_COUNT) break;
    }
  } catch (error) {
    // The next hour comes; or the store is gone, and with it soon the process (S9).
    if (!(error instanceof ReceiverError)) throw error;
  }
}
