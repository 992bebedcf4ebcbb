/** Whether the store has room for a set of channels (05 S12): each has an equal share of the disk budget. @module */
import { channelRules } from "../channel-options.ts";
import { dropRules } from "../drop-options.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { CHANNELS_MAX_COUNT } from "../limits.ts";
import { isReservedChannel } from "../outbox/inbox/outcome-report.ts";
import { type ChannelSet, shareOf, upstreamOf } from "./channel-set.ts";
import type { RunningParts } from "./running-parts.ts";

export function roomFaults(
  before: ChannelSet,
  next: ChannelSet,
  { outbox, diskBudgetBytes }: RunningParts,
): { readonly channel: string; readonly fault: AgentError }[] {
  const [shareBefore, share] = [shareOf(diskBudgetBytes, before), shareOf(diskBudgetBytes, next)];
  const known = new Map(outbox.channels.map(({ name, channel }) => [name, channel]));
  const present = new Map(highWaterMarks(before, shareBefore));
  const faults: { readonly channel: string; readonly fault: AgentError }[] = [];
  for (const [name, highWaterBytes] of highWaterMarks(next, share)) {
    const channel = known.get(name);
    const bytes = channel === undefined ? 0 : outbox.backlogBytes(channel);
    // What is full already does not become so by the change.
    const isFull = bytes >= (present.get(name) ?? 0) && present.has(name);
    if (isFull || bytes < highWaterBytes) continue;
    const facts = { channel: identifierFrom(name), bytes, shareBytes: Math.floor(share) };
    faults.push({ channel: name, fault: new AgentError("CHANNEL_SHARE_SMALL", facts) });
  }
  // Those that are gone from the configuration keep their place: their messages must leave.
  const names = new Set(outbox.channels.map(({ name }) => name).filter(isNamed));
  for (const { name } of upstreamOf(next)) {
    names.add(name);
    if (names.size <= CHANNELS_MAX_COUNT || known.has(name)) continue;
    const facts = { channel: identifierFrom(name), count: names.size };
    faults.push({ channel: name, fault: new AgentError("CHANNELS_TOO_MANY", facts) });
  }
  return faults;
}

const isNamed = (name: string): boolean => !isReservedChannel(name);

/** Where senders are no longer read from. */
const highWaterMarks = (
  { channels, drops }: ChannelSet,
  share: number,
): (readonly [string, number])[] => [
  ...channels.map((one) => [one.name, channelRules(one, share).highWaterBytes] as const),
  ...drops.map((one) => [one.name, dropRules(one, share).highWaterBytes] as const),
];
