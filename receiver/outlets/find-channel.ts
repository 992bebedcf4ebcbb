/** A channel by the name of its agent and its own. @module */
import { isReserved } from "../served-channels.ts";
import type { Place } from "../store/outlets.ts";
import type { AgentName, Store } from "../store/store.ts";
import { allChannels } from "../store/walk.ts";
import type { OutletChannel } from "./event.ts";

/** A channel, and the end of everything that it holds. */
export type FoundChannel = OutletChannel & { readonly head: Place };

export async function findChannel(
  store: Store,
  { tenant, name }: AgentName,
  channel: string,
): Promise<FoundChannel | undefined> {
  const agent = await store.findAgent({ tenant, name });
  if (agent === null || isReserved(channel)) return undefined;
  for await (const { channel: other, epoch, lastSeq } of allChannels(store, agent.id)) {
    if (other !== channel) continue;
    const agentName = `${tenant}/${name}`;
    return { agent: agent.id, agentName, channel, head: { epoch, seq: lastSeq } };
  }
  return undefined;
}
