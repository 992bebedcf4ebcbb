/** A channel that takes files, with every default. @module */
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { systemClock } from "#agent/host/clock.ts";
import type { AcceptingChannel } from "#agent/ingest/channel.ts";
import { DEFAULT_RULES } from "./default-channel.ts";

const log = { write: () => undefined, fault: () => undefined };

export const FILE_CHANNEL: AcceptingChannel = {
  name: "adt",
  id: 1,
  record: new ChannelRecord({ channel: "adt", clock: systemClock, log }),
  rules: { ...DEFAULT_RULES, file: { maxMessages: 1_000, maxMessageBytes: 1_000 } },
};
