/**
 * The messages of one channel that were accepted and wait for their application acknowledgment (03 O6).
 *
 * None of them is sent again. A refusal follows `onError` and `onReject` without a retry; where these say
 * `retryForever`, the channel is held instead.
 *
 * @module
 */
import type { Clock, Timer } from "../host/clock.ts";
import { namesMessage } from "./acknowledgment-fields.ts";
import { meaningOf } from "./expectation.ts";
import type { Outcomes, Subject } from "./outcomes.ts";
import type { Awaiting, DeliveryQueue, OutcomeFlag, Reply } from "./queue.ts";
import type { SenderSettings } from "./sender-settings.ts";

export interface ApplicationAckParts {
  readonly queue: DeliveryQueue;
  readonly outcomes: Outcomes;
  readonly settings: SenderSettings;
  readonly clock: Clock;
  /** Runs in the background. */
  work(act: () => Promise<void>): void;
  /** One fewer waits: look at the queue again. */
  changed(): void;
  /** The channel is held at one. */
  held(): void;
}

interface Awaited {
  readonly row: Awaiting;
  /** Resolves once the row is durable: its outcome must not be stored before. */
  readonly stored: Promise<void>;
}

const DONE = Promise.resolve();
const ANSWER = { reply: "some", applicationDue: true } as const;

export class ApplicationAcks implements Disposable {
  readonly #parts: ApplicationAckParts;
  /** In the order in which they were accepted. */
  readonly #rows = new Map<number, Awaited>();
  #timer: Timer | undefined;
  #holdingCount = 0;

  constructor(parts: ApplicationAckParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#rows.size;
  }

  /** A refusal was heard for which the channel will be held, and that is not durable yet. */
  get isHolding(): boolean {
    return this.#holdingCount > 0;
  }

  /** What waited before the start. */
  async resume(): Promise<void> {
    for (const row of await this.#parts.queue.awaiting()) this.#add(row, DONE);
  }

  /** @returns once that is durable; an acknowledgment may come earlier, and is heard all the same */
  async expect({ id, controlId, flags }: Subject, reply: Reply): Promise<void> {
    const { queue, outcomes, settings, clock } = this.#parts;
    const untilMs = clock.nowMs() + settings.applicationAckTimeoutMs;
    const row = { id, controlId: controlId ?? new Uint8Array(0), untilMs, flags };
    const stored = outcomes.durably(() => queue.awaitAcknowledgment(row, reply));
    this.#add(row, stored);
    await stored;
  }

  /**
   * Takes an application acknowledgment.
   *
   * @param msa2 as it came
   * @returns whether a message waited for it
   */
  hear(msa2: Uint8Array, reply: Reply, cut: boolean): boolean {
    if (!reply.code.startsWith("A")) return false;
    const awaited = this.#take(msa2);
    if (awaited === undefined) return false;
    const flags = [...awaited.row.flags, ...(cut ? (["replyCut"] as const) : [])];
    const meaning = meaningOf(reply.code, ANSWER);
    const accepted = meaning === "accepted" || meaning === "acceptedForNow";
    const policy =
      meaning === "error" ? this.#parts.settings.onError : this.#parts.settings.onReject;
    const { outcomes } = this.#parts;
    if (accepted) {
      this.#finish(awaited, (subject) => outcomes.accepted(subject, reply), flags);
    } else if (policy === "quarantine") {
      this.#finish(awaited, (subject) => outcomes.quarantined(subject, meaning, reply), flags);
    } else {
      this.#hold(awaited, (subject) => outcomes.held(subject, meaning, reply), flags);
    }
    return true;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#rows.clear();
  }

  /** Known before it is durable: from then on the queue gives the message again (see `isHolding`). */
  #hold(
    awaited: Awaited,
    act: (subject: Subject) => Promise<void>,
    flags: readonly OutcomeFlag[],
  ): void {
    this.#holdingCount += 1;
    this.#finish(
      awaited,
      async (subject) => {
        await act(subject);
        this.#parts.held();
        this.#holdingCount -= 1;
      },
      flags,
    );
  }

  #finish(
    { row, stored }: Awaited,
    act: (subject: Subject) => Promise<void>,
    flags: readonly OutcomeFlag[] = row.flags,
  ): void {
    this.#parts.work(async () => {
      await stored;
      await act({ id: row.id, controlId: row.controlId, flags });
      this.#parts.changed();
    });
  }

  #add(row: Awaiting, stored: Promise<void>): void {
    this.#rows.set(row.id, { row, stored });
    if (this.#timer === undefined) this.#arm();
  }

  /** Where the id does not matter for the message in hand, it is still all that tells these apart. */
  #take(msa2: Uint8Array): Awaited | undefined {
    const { matchControlId } = this.#parts.settings;
    const match = matchControlId === "off" ? "exact" : matchControlId;
    for (const [id, awaited] of this.#rows) {
      if (!namesMessage(msa2, awaited.row.controlId, match)) continue;
      this.#rows.delete(id);
      return awaited;
    }
    return undefined;
  }

  /** For the oldest alone: all wait for the same time. */
  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const [oldest] = this.#rows.values();
    if (oldest === undefined) return;
    const { clock, settings } = this.#parts;
    // No further away than it can be: the clock may have been ahead when it was written down.
    const most = settings.applicationAckTimeoutMs;
    const delayMs = Math.min(Math.max(0, oldest.row.untilMs - clock.nowMs()), most);
    this.#timer = clock.after(delayMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const [id, awaited] of this.#rows) {
      const isAhead = awaited.row.untilMs > nowMs + this.#parts.settings.applicationAckTimeoutMs;
      if (awaited.row.untilMs > nowMs && !isAhead) break;
      this.#rows.delete(id);
      this.#finish(awaited, (subject) => this.#parts.outcomes.applicationAckMissing(subject));
    }
    this.#arm();
  }
}
