/** Which alarms are open at which agents, for people who look after many of them (08 PL9). @module */
import type { AgentAlarm } from "./downstream/alarm-records.ts";
import type { AlarmStore } from "./store/alarms.ts";
import type { AgentName, Store } from "./store/store.ts";
import { allAgents } from "./store/walk.ts";

/** What one agent has said, last. */
export interface AgentAlarms extends AgentName {
  /** By the agent's clock. */
  readonly reportedAt: string;
  /** By the receiver's. An agent that is away has said nothing since, and may be worse. */
  readonly receivedAt: string;
  readonly alarms: readonly AgentAlarm[];
}

/** Every agent that has ever said something of its alarms, in order of tenant and name; none open: an empty list. */
export async function* openAlarms(store: Store & AlarmStore): AsyncGenerator<AgentAlarms> {
  for await (const { id, tenant, name } of allAgents(store)) {
    const [found] = await store.alarms.alarmsOf({ agent: id });
    if (found === undefined) continue;
    yield {
      ...{ tenant, name, reportedAt: new Date(found.reportedMs).toISOString() },
      receivedAt: new Date(found.receivedMs).toISOString(),
      // Checked before it was stored.
      alarms: JSON.parse(found.report) as readonly AgentAlarm[],
    };
  }
}
