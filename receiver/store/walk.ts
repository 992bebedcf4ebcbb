/**
 * The pages of a store, one after the other, as one sequence.
 *
 * @module
 */
import type { HeadRecord, Heads } from "./heads.ts";
import type { OutgoingChannel, OutgoingStore } from "./outgoing.ts";
import type { DenialRecord, Registry, TrustRecord } from "./registry.ts";
import type {
  AgentRecord,
  ChannelRecord,
  GapRecord,
  MessageRecord,
  MessagesCall,
  Store,
} from "./store.ts";

/** Every agent, in order of tenant and name. */
export function allAgents(store: Store): AsyncGenerator<AgentRecord> {
  return walk((last: AgentRecord | null) => store.listAgents(last));
}

/** Every channel of an agent, in order of the name. */
export function allChannels(store: Store, agent: number): AsyncGenerator<ChannelRecord> {
  return walk((last: ChannelRecord | null) => store.listChannels(agent, last?.channel ?? ""));
}

/** Every channel with messages for an agent, in order of the name. */
export function allOutgoingChannels(
  store: OutgoingStore,
  agent: number,
): AsyncGenerator<OutgoingChannel> {
  return walk((last: OutgoingChannel | null) => store.outgoingChannels(agent, last?.channel ?? ""));
}

/** Messages in order of epoch and seq, without repeats (RI6). */
export function allMessages(store: Store, call: MessagesCall): AsyncGenerator<MessageRecord> {
  return walk((last: MessageRecord | null) =>
    store.readMessages(
      last === null ? call : { ...call, after: { epoch: last.epoch, seq: last.seq } },
    ),
  );
}

/** Every gap record of a channel, in the order of writing. */
export function allGaps(store: Store, agent: number, channel: string): AsyncGenerator<GapRecord> {
  return walk((last: GapRecord | null) => store.readGaps(agent, channel, last?.id ?? 0));
}

/** Every trust document of a tenant, oldest first. */
export function trustOf(registry: Registry, tenant: string): AsyncGenerator<TrustRecord> {
  return walk((last: TrustRecord | null) =>
    registry.trustAfter({ tenant, version: last?.version ?? 0 }),
  );
}

/** Every head of an agent, in the order in which they came. */
export function allHeads(heads: Heads, agent: number): AsyncGenerator<HeadRecord> {
  return walk((last: HeadRecord | null) => heads.headsAfter({ agent, id: last?.id ?? 0 }));
}

/** The deny list, in order of kind and value. */
export function allDenied(registry: Registry): AsyncGenerator<DenialRecord> {
  return walk((last: DenialRecord | null) => registry.listDenied(last));
}

async function* walk<T>(pageAfter: (last: T | null) => Promise<readonly T[]>): AsyncGenerator<T> {
  let last: T | null = null;
  while (true) {
    const page: readonly T[] = await pageAfter(last);
    yield* page;
    const end = page.at(-1);
    if (end === undefined) return;
    last = end;
  }
}
