/** Keeps what agents report of deliveries, from where that had come before. @module */
import { parseAgentName } from "../agent-certificate.ts";
import { OUTLET_CHANNELS_AT_ONCE } from "../limits.ts";
import { type OutletContext, Pump } from "../outlets/pump.ts";
import { OUTCOMES_CHANNEL } from "../served-channels.ts";
import type { OutgoingStore } from "../store/outgoing.ts";
import { outcomesTaker } from "./outcomes.ts";

/** @throws {ReceiverError} if the store cannot be read */
export async function openOutcomes(
  context: OutletContext & { readonly store: OutgoingStore },
): Promise<AsyncDisposable> {
  const { store, log } = context;
  const agentOf = async (name: string): Promise<number | undefined> => {
    const named = parseAgentName(name);
    return named === null ? undefined : (await store.findAgent(named))?.id;
  };
  const refused = (facts: Parameters<typeof log.write>[1]): void =>
    log.write("outcomeRefused", facts);
  return await Pump.open(outcomesTaker({ store, agentOf, refused }), context, {
    channels: [OUTCOMES_CHANNEL],
    channelsAtOnce: OUTLET_CHANNELS_AT_ONCE,
  });
}
