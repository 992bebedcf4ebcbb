/**
 * The agent as everybody sees it who looks now: made once for all of them, and at most once a second.
 *
 * A store that hangs (a disk that does not answer) must not take the page with it, for that is when it is needed: after a
 * while what was last known is shown, and said to be old.
 *
 * @module
 */
import { AgentError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { STATUS_PATIENCE_MS, STATUS_SNAPSHOT_MS } from "../limits.ts";
import type { AgentStatus } from "../status.ts";

export interface Snapshot {
  readonly status: AgentStatus;
  /** Wall time, ms since 1970. */
  readonly takenAtMs: number;
  /** The agent did not say in time how it is now. */
  readonly isOld: boolean;
}

export interface SnapshotsParts {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly log: Log;
  readonly status: () => Promise<AgentStatus>;
}

export class Snapshots {
  readonly #parts: SnapshotsParts;
  #last: Snapshot | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** The look that is under way. */
  #looking: Promise<void> | undefined;

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
  }

  /** @returns the same one until there is another; `undefined` if the agent could not say yet */
  async take(): Promise<Snapshot | undefined> {
    const { clock } = this.#parts;
    if (this.#looking === undefined) {
      if (clock.monotonicMs() - this.#lookedMs < STATUS_SNAPSHOT_MS) return this.#last;
      this.#begin();
    }
    const patience = Promise.withResolvers<void>();
    using _timer = clock.after(STATUS_PATIENCE_MS, () => {
      this.#grow();
      patience.resolve();
    });
    await Promise.race([this.#looking, patience.promise]);
    return this.#last;
  }

  #begin(): void {
    const looked = Promise.withResolvers<void>();
    this.#looking = looked.promise;
    this.#parts.tasks.run("statusSnapshot", async () => {
      await this.#look();
      this.#lookedMs = this.#parts.clock.monotonicMs();
      this.#looking = undefined;
      looked.resolve();
    });
  }

  /** A page that cannot be made stops no message. */
  async #look(): Promise<void> {
    const { clock, log, status } = this.#parts;
    try {
      this.#last = { status: await status(), takenAtMs: clock.nowMs(), isOld: false };
    } catch (cause) {
      this.#grow();
      log.fault(
        "statusPageFailed",
        cause instanceof AgentError ? cause : new AgentError("AGENT_DEFECT", {}, { cause }),
      );
    }
  }

  #grow(): void {
    if (this.#last?.isOld === false) this.#last = { ...this.#last, isOld: true };
  }
}
