/**
 * What is to be looked after while files go into a folder, or none do: that it is still the folder (04 P47), which files
 * nobody takes (P58), and copies of what was sent that have become old (P30).
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { FOLDER_LOOK_MS } from "../limits.ts";
import type { DeliveryRecord } from "./delivery-record.ts";
import type { FolderSettings } from "./folder-settings.ts";
import { troubleOf } from "./folder-trouble.ts";
import type { OutletLink } from "./outlet-link.ts";

const LOOK_LEAST_MS = 1_000;
const PRUNE_EVERY_MS = 3_600_000;

export interface FolderChoreParts {
  readonly channel: string;
  readonly settings: FolderSettings;
  readonly link: OutletLink;
  readonly record: DeliveryRecord;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
  readonly tasks: Tasks;
  /** @param error what is wrong with the folder; `undefined`: nothing */
  looked(error: AgentError | undefined): void;
}

export class FolderChores implements Disposable {
  readonly #parts: FolderChoreParts;
  readonly #everyMs: number;
  #timer: Timer | undefined;
  #isOver = false;
  #pruneAtMs = 0;
  #uncollectedCount = 0;

  constructor(parts: FolderChoreParts) {
    const { pickupAlarmMs } = parts.settings;
    this.#parts = parts;
    const wantedMs = pickupAlarmMs > 0 ? pickupAlarmMs / 2 : FOLDER_LOOK_MS;
    this.#everyMs = Math.min(FOLDER_LOOK_MS, Math.max(LOOK_LEAST_MS, wantedMs));
    this.#arm();
  }

  get uncollectedCount(): number {
    return this.#uncollectedCount;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    if (this.#isOver) return;
    const { clock, tasks } = this.#parts;
    this.#timer = clock.after(this.#everyMs, () =>
      tasks.run("lookAfterFolder", async () => {
        const error = await this.#faultOf(() => this.#look());
        if (!this.#isOver) this.#parts.looked(error);
        this.#arm();
      }),
    );
  }

  async #faultOf(act: () => Promise<void>): Promise<AgentError | undefined> {
    try {
      await act();
      return undefined;
    } catch (error) {
      if (error instanceof AgentError && troubleOf(error) !== undefined) return error;
      throw error;
    }
  }

  async #look(): Promise<void> {
    const { settings, link, conditions, channel, clock } = this.#parts;
    const { pickupAlarmMs } = settings;
    const forMs = pickupAlarmMs > 0 ? pickupAlarmMs : Number.POSITIVE_INFINITY;
    const { count, oldestMs } = await link.uncollected(forMs);
    this.#uncollectedCount = count;
    if (count === 0) {
      conditions.close("filesNotCollected", channel);
    } else {
      const oldestSeconds = Math.round(oldestMs / 1_000);
      const facts = { channel: identifierFrom(channel), count, oldestSeconds };
      conditions.open("filesNotCollected", channel, facts, clock.nowMs());
    }
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const { settings, link, record, clock, log, channel } = this.#parts;
    const { sentKeepMs, outlet } = settings;
    const isDue = outlet.sentFolder !== undefined && sentKeepMs > 0;
    if (!isDue || clock.monotonicMs() < this.#pruneAtMs) return;
    this.#pruneAtMs = clock.monotonicMs() + PRUNE_EVERY_MS;
    const done = { count: 0, bytes: 0 };
    for (let more = true; more && !this.#isOver; ) {
      const step = await link.prune(clock.nowMs() - sentKeepMs);
      done.count += step.deleted;
      done.bytes += step.bytes;
      more = step.more;
    }
    if (done.count === 0) return;
    record.add("sentPruned", done.count);
    log.write("sentPruned", { channel: identifierFrom(channel), ...done });
  }
}
