/** A channel as its source knows it, with the record of what its senders do. @module */
import { AgentError } from "../errors.ts";
import { ChannelRecord } from "../health/channel-record.ts";
import type { AcceptingChannel, ChannelRules } from "../ingest/channel.ts";
import type { RunningParts } from "./running-parts.ts";

/** @throws {AgentError} `AGENT_DEFECT` if the store does not know it */
export function accepting(
  name: string,
  rules: ChannelRules,
  { outbox, clock, log }: RunningParts,
): AcceptingChannel {
  const tail = outbox.channels.find((one) => one.name === name);
  if (tail === undefined) throw new AgentError("AGENT_DEFECT", { channels: 0 });
  const record = new ChannelRecord({ channel: name, clock, log });
  return { name, id: tail.channel, record, rules };
}
