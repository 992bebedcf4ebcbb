/** What the store found or did by itself, as conditions and lines of the log. @module */
import type { DamagedRows } from "./damaged-rows.ts";
import { type Facts, identifierFrom } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Clock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { END_UNKNOWN, type MissingRange } from "./outbox/epochs/missing.ts";
import type { StoreNotice } from "./outbox/writing/writer-messages.ts";

export interface NoticeParts {
  readonly log: Log;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly damaged: DamagedRows;
}

type Of<Name extends StoreNotice["notice"]> = Extract<StoreNotice, { notice: Name }>;

export function hearNotice(notice: StoreNotice, parts: NoticeParts): void {
  switch (notice.notice) {
    case "filling":
      filling(notice, parts);
      break;
    case "walGrowing":
      walGrowing(notice, parts);
      break;
    case "keysDeleted":
      for (const keyEpoch of notice.epochs) parts.log.write("keyDeleted", { keyEpoch });
      break;
    case "damaged":
      parts.damaged.found(notice.row);
      break;
    case "verified":
      parts.log.write("storeVerified", { count: notice.totals.messages, ...damagedIn(notice) });
      break;
    case "choreFailed":
      parts.log.write("choreFailed", { code: identifierFrom(notice.fault.code) });
      break;
    case "highWaterDamaged":
      parts.log.write("highWaterDamaged", {});
      break;
    case "keysSetAside":
      parts.log.write("keysSetAside", {});
      parts.conditions.open("storeRolledBack", "", { newStore: true }, parts.clock.nowMs());
      break;
    case "missing":
      missing(notice, parts);
      break;
    case "stillMissing":
      stillMissing(notice, parts);
      break;
    case "epochDue":
      parts.log.write("epochBegun", {
        ...{ channel: identifierFrom(notice.name), cause: identifierFrom(notice.cause) },
        ...{ epoch: notice.epoch, endedEpoch: notice.ended, lastSeq: notice.lastSeq },
      });
      break;
    case "epochBegun": {
      const { name, epoch, lastSeq } = notice.tail;
      const cause = identifierFrom(notice.cause);
      parts.log.write("epochBegun", { channel: identifierFrom(name), cause, epoch, lastSeq });
      break;
    }
    default:
      break;
  }
}

/** 05 S17: what is gone is named; it stays in `status` and in the log. */
function missing({ name, range }: Of<"missing">, { log, conditions, clock }: NoticeParts): void {
  const facts = factsOf(name, range);
  const condition = range.cause === "rollback" ? "storeRolledBack" : "messageDamaged";
  conditions.open(condition, name, facts, clock.nowMs());
  log.write("messagesMissing", { ...facts, cause: identifierFrom(range.cause) });
}

function factsOf(name: string, { epoch, firstSeq, lastSeq }: MissingRange): Facts {
  const where = name === "" ? { quarantine: true } : { channel: identifierFrom(name), epoch };
  return lastSeq === END_UNKNOWN
    ? { ...where, firstSeq, endUnknown: true }
    : { ...where, firstSeq, lastSeq };
}

/** A restart must not hide for a week that messages are gone: scripts look at the exit code of `status`. */
const SHOWN_AGAIN_MS = 7 * 86_400_000;

/** Found before this start. */
function stillMissing(
  { name, range }: Of<"stillMissing">,
  { conditions, clock }: NoticeParts,
): void {
  const isOld = clock.nowMs() - range.foundAtMs > SHOWN_AGAIN_MS;
  if (range.cause !== "rollback" || isOld) return;
  conditions.open("storeRolledBack", name, factsOf(name, range), clock.nowMs());
}

const damagedIn = ({ totals }: Of<"verified">): { readonly damaged: number } => ({
  damaged: totals.damaged,
});

/** Of the steps of 05 S12: from here on there are hours left. */
const NEARLY_FULL_PERCENT = 85;

/** 05 S12. */
function filling(notice: Of<"filling">, { log, conditions, clock }: NoticeParts): void {
  const { alarm, percent, usedBytes, budgetBytes } = notice;
  const facts = { percent, usedBytes, budgetBytes };
  if (alarm >= NEARLY_FULL_PERCENT) {
    conditions.open("outboxNearlyFull", "", facts, clock.nowMs());
  } else conditions.close("outboxNearlyFull", "");
  if (alarm === 0) {
    conditions.close("outboxFilling", "");
    log.write("outboxRoom", facts);
  } else {
    conditions.open("outboxFilling", "", facts, clock.nowMs());
    log.write("outboxFilling", facts);
  }
}

function walGrowing(
  { growing, bytes }: Of<"walGrowing">,
  { log, conditions, clock }: NoticeParts,
): void {
  if (growing) conditions.open("walGrowing", "", { bytes }, clock.nowMs());
  else conditions.close("walGrowing", "");
  log.write(growing ? "walGrowing" : "walShrunk", { bytes });
}
