/** What the page of one agent shows beside the fleet's facts: channels, queues, questions. @module */
import { isReserved } from "../served-channels.ts";
import type { OutgoingChannel, OutgoingRecord } from "../store/outgoing.ts";
import type { ChannelRecord } from "../store/store.ts";
import { allChannels, allOutgoingChannels } from "../store/walk.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { type ChannelFacts, channelFacts, type WaitPoint, waitsOf } from "./channel-facts.ts";
import type { Agent } from "./fleet.ts";

export interface ChannelView extends ChannelFacts {
  readonly record: ChannelRecord;
  readonly waits: readonly WaitPoint[];
}

export interface QueueView {
  readonly record: OutgoingChannel;
  readonly waitingCount: bigint;
  /** Null: none waits. */
  readonly oldestMs: number | null;
  readonly newest: OutgoingRecord | undefined;
}

export interface AgentFacts {
  readonly channels: readonly ChannelView[];
  readonly queues: readonly QueueView[];
}

/** More than an agent has on one page are in `holdfast-receiver export` and `report`. */
const CHANNELS_MAX_COUNT = 100;
const NEWEST = Number.MAX_SAFE_INTEGER;

export async function agentFacts(
  store: WholeStore,
  { record }: Agent,
  nowMs: number,
): Promise<AgentFacts> {
  const channels: ChannelView[] = [];
  for await (const found of allChannels(store, record.id)) {
    if (isReserved(found.channel) || channels.length >= CHANNELS_MAX_COUNT) continue;
    const place = { ...found, agent: record.id };
    const facts = await channelFacts(store, place, nowMs);
    channels.push({ ...facts, record: found, waits: await waitsOf(store, place, nowMs) });
  }
  const queues: QueueView[] = [];
  for await (const found of allOutgoingChannels(store, record.id)) {
    if (isReserved(found.channel) || queues.length >= CHANNELS_MAX_COUNT) continue;
    queues.push(await queueOf(store, record.id, found));
  }
  return { channels, queues };
}

async function queueOf(
  store: WholeStore,
  agent: number,
  record: OutgoingChannel,
): Promise<QueueView> {
  const { channel, epoch, lastSeq, ackedSeq } = record;
  const call = { agent, channel, before: NEWEST, limit: 1 };
  const [newest] = await store.console.recentOutgoing(call);
  const waitingCount = lastSeq - ackedSeq;
  if (waitingCount === 0n) return { record, waitingCount, oldestMs: null, newest };
  const [oldest] = await store.readOutgoing({ agent, channel, epoch, seq: ackedSeq });
  return { record, waitingCount, oldestMs: oldest?.queuedAtMs ?? null, newest };
}
