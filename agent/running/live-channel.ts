/** A channel as its source knows it: what holds for its messages may change between two of them. @module */
import { AgentError } from "../errors.ts";
import { ChannelRecord } from "../health/channel-record.ts";
import type { AcceptingChannel, ChannelRules } from "../ingest/channel.ts";
import type { RunningParts } from "./running-parts.ts";

export interface LiveChannel extends AcceptingChannel {
  rules: ChannelRules;
}

/** @throws {AgentError} `AGENT_DEFECT` if the store does not know it */
export function liveChannel(
  name: string,
  rules: ChannelRules,
  { outbox, clock, log }: RunningParts,
): LiveChannel {
  const tail = outbox.channels.find((one) => one.name === name);
  if (tail === undefined) throw new AgentError("AGENT_DEFECT", { channels: 0 });
  const record = new ChannelRecord({ channel: name, clock, log });
  return { name, id: tail.channel, record, rules };
}
