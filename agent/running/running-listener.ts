/** A listening channel that runs. @module */
import type { ChannelConfig } from "#config/local.ts";
import { isEveryInterface, isEveryone, isLoopback } from "#config/mllp-listener.ts";
import { channelRules, listenerSettings } from "../channel-options.ts";
import { identifierFrom } from "../errors.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import { MllpListener } from "../ingest/mllp/listener.ts";
import { accepting } from "./accepting.ts";
import type { RunningParts } from "./running-parts.ts";

export interface RunningListener {
  readonly config: ChannelConfig;
  readonly record: ChannelRecord;
  readonly listener: MllpListener;
}

/**
 * Opens its port.
 *
 * @param shareBytes what the channel may hold for the receiver
 * @throws {AgentError} `LISTEN_*`
 */
export async function openListener(
  config: ChannelConfig,
  shareBytes: number,
  parts: RunningParts,
): Promise<RunningListener> {
  const { doorway, conditions, clock, log } = parts;
  const channel = accepting(config.name, channelRules(config, shareBytes), parts);
  const settings = listenerSettings(config);
  const listener = await MllpListener.open({
    ...{ channel, settings, doorway, conditions, clock, log },
  });
  warnIfOpen(config, parts);
  return { config, record: channel.record, listener };
}

/** 03 E8: a budget for what was read, then hang up. */
export async function closeListener(
  { listener }: RunningListener,
  { clock, graceMs }: RunningParts,
): Promise<void> {
  using _budget = clock.after(graceMs, () => listener.abort("stopping"));
  await listener[Symbol.asyncDispose]();
}

/** What was written out and stays in sight all the same (03 C3, E2). */
function warnIfOpen(
  { name, host, allow, tls, malformedReply }: ChannelConfig,
  { conditions, clock, log }: RunningParts,
): void {
  const facts = { channel: identifierFrom(name) };
  const nowMs = clock.nowMs();
  if (malformedReply === "accept") conditions.open("malformedAccepted", name, facts, nowMs);
  if (isLoopback(host) || tls !== undefined) return;
  if (isEveryInterface(host)) conditions.open("openToAllInterfaces", name, facts, nowMs);
  if (!allow.some(isEveryone)) return;
  conditions.open("openToAll", name, facts, nowMs);
  log.write("allSourcesAllowed", facts);
}
