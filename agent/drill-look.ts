/** What an outage drill takes from the status of the agent: how it stands, and whether it may go on. @module */
import { DRILL_BUDGET_SHARE } from "./drill-limits.ts";
import type { ConditionName } from "./health/catalogue.ts";
import type { Clock } from "./host/clock.ts";
import { freeSpaceFloor } from "./limits.ts";
import type { DrillChannel, DrillLook } from "./outage-drill-state.ts";
import type { HourPage } from "./outbox/hours/hour-messages.ts";
import { isReservedChannel } from "./outbox/inbox/outcome-report.ts";
import type { AgentStatus } from "./status.ts";

/** Why none begins. */
export type DrillRefusal = "running" | "notStreaming" | "configuration" | "alarm" | "room";

/** While one of these is open, no message is held back on purpose. */
const FORBIDDING: readonly ConditionName[] = [
  ...(["storeFailing", "diskLow", "outboxFilling", "outboxNearlyFull", "channelFull"] as const),
  ...(["walGrowing", "storeRolledBack", "identityRefused", "renewalOverdue"] as const),
  // Of what nobody could record, nothing goes on.
  "auditUnwritable",
];
/** What stops a channel whatever the tunnel does. */
const HOLDING: readonly ConditionName[] = ["channelHeld", "channelHeldByHand", "messageDamaged"];
/** The tunnel is what a new configuration is judged by (07 2.10). */
const CHANGING: readonly string[] = ["PREFLIGHT", "APPLYING", "PROBATION"];

export function lookOf(
  status: AgentStatus,
  clock: Pick<Clock, "nowMs" | "monotonicMs">,
): DrillLook {
  const { channels, tunnel, configuration, store } = status;
  const waitingBytes = channels.reduce((all, one) => all + one.waitingBytes, 0);
  const inBudget = store.budgetBytes * DRILL_BUDGET_SHARE - waitingBytes;
  const onDisk = (store.freeBytes ?? 0) - freeSpaceFloor(store.ballastBytes);
  const isChanging = CHANGING.includes(configuration?.newest?.state ?? "");
  const isTroubled = troubleIn(status) !== undefined;
  return {
    ...{ nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() },
    channels: channels.map((one) => channelOf(one, status)),
    isUp: tunnel.state === "streaming" || tunnel.state === "throttled",
    roomBytes: Math.max(0, Math.floor(Math.min(inBudget, onDisk))),
    forbids: isChanging ? "configuration" : isTroubled ? "trouble" : undefined,
  };
}

function channelOf(
  {
    name,
    epoch,
    lastSeq,
    ackedSeq,
    stored,
    waiting,
    waitingBytes,
  }: AgentStatus["channels"][number],
  { conditions }: AgentStatus,
): DrillChannel {
  const isHeld = conditions.some(
    ({ condition, subject }) => subject === name && HOLDING.includes(condition),
  );
  return { name, epoch, lastSeq, ackedSeq, stored, waiting, waitingBytes, isHeld };
}

/** The condition that forbids a drill, or forbids to go on with it. */
export const troubleIn = ({ conditions }: AgentStatus): ConditionName | undefined =>
  FORBIDDING.find((name) => conditions.some(({ condition }) => condition === name));

/** Bytes that came in a millisecond, on average since the start. */
export function receivedPerMs({ channels, startedAt }: AgentStatus, nowMs: number): number {
  const bytes = channels.reduce((all, { counters }) => all + (counters["receivedBytes"] ?? 0), 0);
  return bytes / Math.max(1_000, nowMs - Date.parse(startedAt));
}

/** By channel: what the receiver refused for good, and what was damaged here, of the hours of these pages. */
export async function asideIn(pages: AsyncIterable<HourPage>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const add = (channel: string, count: number): void => {
    if (count > 0 && !isReservedChannel(channel)) {
      found.set(channel, (found.get(channel) ?? 0) + count);
    }
  };
  for await (const { stretches, counts } of pages) {
    for (const { channel, direction, fates } of stretches) {
      if (direction === "up") add(channel, fates.lost);
    }
    for (const { channel, rejected } of counts) add(channel, rejected);
  }
  return found;
}
