/** What a channel's configuration opens, and stays in sight all the same (03 C3, E2). @module */
import type { ChannelConfig } from "#config/local.ts";
import { isEveryInterface, isEveryone, isLoopback } from "#config/mllp-listener.ts";
import { identifierFrom } from "../errors.ts";
import type { ConditionName } from "../health/conditions.ts";
import type { RunningParts } from "./running-parts.ts";

export function noteOpenness(
  { name, host, allow, tls, malformedReply }: ChannelConfig,
  { conditions, clock, log }: RunningParts,
): void {
  const facts = { channel: identifierFrom(name) };
  const isPlain = !isLoopback(host) && tls === undefined;
  const isForAll = isPlain && allow.some(isEveryone);
  const found: readonly (readonly [ConditionName, boolean])[] = [
    ["malformedAccepted", malformedReply === "accept"],
    ["openToAllInterfaces", isPlain && isEveryInterface(host)],
    ["openToAll", isForAll],
  ];
  for (const [condition, is] of found) {
    if (is) conditions.open(condition, name, facts, clock.nowMs());
    else conditions.close(condition, name);
  }
  // The watch of a certificate ends with it.
  if (tls === undefined) conditions.close("certificateExpiring", name);
  if (isForAll) log.write("allSourcesAllowed", facts);
}
