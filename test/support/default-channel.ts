/** A channel with every default of the configuration: what tests of the parts start from. @module */
import { channelRules, listenerSettings } from "#agent/channel-options.ts";
import type { ChannelRules } from "#agent/ingest/channel.ts";
import type { AckPolicy } from "#agent/ingest/hl7/ack-policy.ts";
import type { ListenerSettings } from "#agent/ingest/mllp/listener-options.ts";
import { DISK_BUDGET_BYTES } from "#agent/limits.ts";
import { mllpListener } from "#config/mllp-listener.ts";

const channel = mllpListener.parse({ name: "adt", kind: "mllp-listener", port: 0 });

export const DEFAULT_RULES: ChannelRules = channelRules(channel, DISK_BUDGET_BYTES);
export const DEFAULT_ACK_POLICY: AckPolicy = DEFAULT_RULES.ackPolicy;
export const LISTENER_SETTINGS: ListenerSettings = listenerSettings(channel);
