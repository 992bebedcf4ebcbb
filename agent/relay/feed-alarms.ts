/** What a person hears of one channel on its way. @module */
import { SKIP_REASON } from "#protocol/frame.ts";
import type { OutgoingSkip } from "#streams/source/source-stream.ts";
import { AgentError, type Facts, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { DamagedAt } from "./read-ahead.ts";

export interface FeedAlarmParts {
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly log: Log;
}

type FeedCondition = "channelHeld" | "channelParted" | "messageDamaged";

/** How long a gap stays in sight after the last one. */
const GAP_ALARM_MS = 86_400_000;
const SKIP_NAMES = Object.fromEntries(
  Object.entries(SKIP_REASON).map(([name, reason]) => [reason, name]),
);

export class FeedAlarms {
  readonly #channel: string;
  readonly #parts: FeedAlarmParts;

  constructor(channel: string, parts: FeedAlarmParts) {
    this.#channel = channel;
    this.#parts = parts;
  }

  open(condition: FeedCondition, facts: Facts): void {
    this.#parts.conditions.open(condition, this.#channel, facts, this.#parts.clock.nowMs());
  }

  close(condition: FeedCondition): void {
    this.#parts.conditions.close(condition, this.#channel);
  }

  /** The channel ends before `seq` until a person decides; the others flow (05 S16). */
  damaged({ epoch, seq }: DamagedAt): void {
    const facts = { channel: identifierFrom(this.#channel), epoch, seq };
    this.open("messageDamaged", facts);
    this.#parts.log.fault("channelHeld", new AgentError("STORE_BODY_DAMAGED", facts));
  }

  /** The receiver is told of messages that will never come to it (06 RI8): a gap there, an alarm here. */
  skipped(epoch: bigint, { firstSeq, lastSeq, reason }: OutgoingSkip): void {
    // Named as missing, until a person says otherwise.
    if (reason === SKIP_REASON.damaged) return;
    const { clock, conditions, log } = this.#parts;
    const why = identifierFrom(SKIP_NAMES[reason] ?? "unknown");
    const range = { epoch, firstSeq, lastSeq, reason: why };
    log.write("gapSent", { channel: identifierFrom(this.#channel), ...range });
    conditions.openFor("gapSent", this.#channel, range, clock, GAP_ALARM_MS);
  }
}
