/** What agents say on `$status` (06 TP35), to whoever keeps that kind of it. @module */
import { isHourRecord } from "#reconcile/hour-record.ts";
import type { OutletGap, OutletMessage } from "../outlets/event.ts";
import { STATUS_CHANNEL } from "../served-channels.ts";
import type { HourStore } from "../store/hours.ts";
import type { AgentRecord } from "../store/store.ts";
import { type HeadsOptions, headsTaker } from "./heads.ts";
import { type HoursOptions, takeHours } from "./hours.ts";

export interface StatusOptions extends HeadsOptions {
  readonly store: HeadsOptions["store"] & HourStore;
  readonly agentOf: (name: string) => Promise<AgentRecord | null>;
  /** Of hours that are not kept. */
  readonly hoursRefused: HoursOptions["refused"];
}

/** An outlet like `$outcomes`: in order, at least once. What is of no other kind is a head, or nothing. */
export function statusTaker(options: StatusOptions) {
  const heads = headsTaker(options);
  const { store, nowMs, hoursRefused: refused, agentOf } = options;
  return {
    name: STATUS_CHANNEL,
    take: async (event: OutletMessage | OutletGap): Promise<void> => {
      const isHours = event.kind !== "gap" && isHourRecord(await event.body());
      const agent = isHours ? await agentOf(event.agent) : null;
      if (agent !== null && event.kind !== "gap") {
        await takeHours({ store, nowMs, refused }, agent, event);
      } else await heads.take(event);
    },
  };
}
