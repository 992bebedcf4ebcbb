/** Keeps what agents say on `$status`, from where that had come before. @module */
import { parseAgentName } from "../agent-certificate.ts";
import { OUTLET_CHANNELS_AT_ONCE } from "../limits.ts";
import { type OutletContext, Pump } from "../outlets/pump.ts";
import { STATUS_CHANNEL } from "../served-channels.ts";
import type { AlarmStore } from "../store/alarms.ts";
import type { HeadStore } from "../store/heads.ts";
import type { HourStore } from "../store/hours.ts";
import type { AgentRecord } from "../store/store.ts";
import { statusTaker } from "./status-records.ts";

/** @throws {ReceiverError} if the store cannot be read */
export async function openStatus(
  context: OutletContext & { readonly store: HeadStore & AlarmStore & HourStore },
): Promise<AsyncDisposable> {
  const { store, log, clock } = context;
  const agentOf = async (name: string): Promise<AgentRecord | null> => {
    const named = parseAgentName(name);
    return named === null ? null : await store.findAgent(named);
  };
  const taker = statusTaker({
    ...{ store, agentOf, nowMs: () => clock.nowMs() },
    refused: (facts) => log.write("headRefused", facts),
    wentBack: (facts) => log.write("agentWentBack", facts),
    hoursRefused: (facts) => log.write("hoursRefused", facts),
  });
  return await Pump.open(taker, context, {
    channels: [STATUS_CHANNEL],
    channelsAtOnce: OUTLET_CHANNELS_AT_ONCE,
  });
}
