/**
 * What delivery makes durable, and tells: outcomes, counts, holds, each with its alarm and log line.
 *
 * Every call repeats until the store can do it: what was heard from a hospital system is not forgotten
 * because the disk is full.
 *
 * @module
 */
import { AgentError, controlIdFact, type Facts, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { HEALTH_PROBE_MS } from "../limits.ts";
import type { DeliveryRecord } from "./delivery-record.ts";
import type { DeliveryQueue, Hold, OutcomeFlag, QuarantineReason, Reply } from "./queue.ts";
import type { AlarmName } from "./sender-state.ts";

/** How long what happens rather than lasts stays in sight after the last case. */
const ALARM_MS = 3_600_000;

export interface OutcomeParts {
  readonly channel: string;
  readonly queue: DeliveryQueue;
  readonly record: DeliveryRecord;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted: nothing is repeated any more. */
  readonly signal: AbortSignal;
}

/** The message that an outcome is about. */
export interface Subject {
  readonly id: number;
  readonly controlId: Uint8Array | undefined;
  readonly flags: readonly OutcomeFlag[];
}

export class Outcomes {
  readonly #parts: OutcomeParts;

  constructor(parts: OutcomeParts) {
    this.#parts = parts;
  }

  async accepted({ id, flags }: Subject, reply: Reply | undefined): Promise<void> {
    const { queue, record, clock } = this.#parts;
    await this.durably(() => queue.settle(id, { kind: "accepted", flags, reply }));
    record.accepted(clock.nowMs());
    if (flags.includes("unconfirmed")) record.add("unconfirmed");
  }

  /** 03 O6: it was accepted, and that is all that is known. */
  async applicationAckMissing({ id, controlId, flags }: Subject): Promise<void> {
    const { queue, record, clock, conditions, channel, log } = this.#parts;
    const known = [...flags, "applicationAckMissing"] as const;
    await this.durably(() =>
      queue.settle(id, { kind: "accepted", flags: known, reply: undefined }),
    );
    record.accepted(clock.nowMs());
    record.add("applicationAckMissing");
    const facts = this.facts(controlIdFact(controlId));
    conditions.openFor("applicationAckMissing", channel, facts, clock, ALARM_MS);
    log.write("applicationAckMissing", facts);
  }

  async quarantined(
    { id, controlId, flags }: Subject,
    reason: QuarantineReason,
    reply: Reply | undefined,
  ): Promise<void> {
    const { queue, record, clock, conditions, channel, log } = this.#parts;
    await this.durably(() => queue.settle(id, { kind: "quarantined", reason, flags, reply }));
    record.add("quarantined");
    const facts = this.facts({ reason: identifierFrom(reason), ...controlIdFact(controlId) });
    conditions.openFor("deliveryQuarantined", channel, facts, clock, ALARM_MS);
    log.write("deliveryQuarantined", facts);
  }

  async held(
    { id, controlId, flags }: Subject,
    why: Hold["why"],
    reply: Reply | undefined,
  ): Promise<void> {
    const { queue, record, log } = this.#parts;
    await this.durably(() => queue.hold({ id, why, flags }, reply));
    record.add("held");
    log.write(
      "deliveryHeld",
      this.facts({ reason: identifierFrom(why), ...controlIdFact(controlId) }),
    );
  }

  /** What is to be seen while the channel is held (03 O5). */
  stillHeld(why: Hold["why"]): void {
    const { conditions, channel, clock } = this.#parts;
    const facts = this.facts({ reason: identifierFrom(why) });
    conditions.open("deliveryHeld", channel, facts, clock.nowMs());
  }

  /** A person decided: send it again, or give it up for the reason that it was held for. */
  async endHold(act: "release" | "giveUp"): Promise<void> {
    const { queue, conditions, channel, log } = this.#parts;
    const hold = await this.durably(() => queue.held());
    if (hold === undefined) return;
    const { id, why } = hold;
    if (act === "release") {
      await this.durably(() => queue.release(id));
    } else {
      const flags = [...hold.flags, "byOperator"] as const;
      await this.quarantined({ id, controlId: undefined, flags }, why, undefined);
    }
    conditions.close("deliveryHeld", channel);
    const decision = identifierFrom(act === "release" ? "retry" : "quarantine");
    log.write("deliveryReleased", this.facts({ decision }));
  }

  alarm(alarm: AlarmName, count: number): void {
    const { conditions, channel, clock } = this.#parts;
    conditions.open(alarm, channel, this.facts({ count }), clock.nowMs());
  }

  /** The hospital system took a message. */
  calm(): void {
    const { conditions, channel } = this.#parts;
    conditions.close("endpointSilent", channel);
    conditions.close("endpointRefuses", channel);
  }

  /** Repeats a call for as long as the store fails in a way that passes. */
  async durably<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const passing = error instanceof AgentError && error.disposition === "retry";
        if (!passing || this.#parts.signal.aborted) throw error;
        await this.#pause();
      }
    }
  }

  facts(more: Facts): Facts {
    return { channel: identifierFrom(this.#parts.channel), ...more };
  }

  #pause(): Promise<void> {
    const { clock, signal } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.after(HEALTH_PROBE_MS, () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      const abort = (): void => {
        timer[Symbol.dispose]();
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
