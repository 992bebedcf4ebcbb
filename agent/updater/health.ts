/**
 * Whether what runs now does what ran before (07 section 3, "health test"). Pure.
 *
 * @module
 */
import type { AgentStatus } from "../status.ts";
import type { Served } from "./journal.ts";

/** Why a release is not kept. */
export type Worse = "silent" | "version" | "channels" | "tunnel" | "critical";

/** @param isStored whether the store has just made a transaction durable; without it nothing is served */
export function servedBy(status: AgentStatus, isStored: boolean): Served | undefined {
  if (!isStored) return undefined;
  const { version, pid, channels, tunnel, alarms } = status;
  return {
    ...{ version, pid },
    taking: channels.filter(({ listening }) => listening).map(({ name }) => name),
    connected: tunnel.state === "streaming" || tunnel.state === "throttled",
    critical: alarms
      .filter(({ severity }) => severity === "critical")
      .map(({ code, subject }) => `${code} ${subject}`),
  };
}

/**
 * @param now `undefined`: nothing answers, or its store does not
 * @param version that should run
 * @returns `undefined` if it is as good as before
 */
export function whatIsWorse(
  before: Served,
  now: Served | undefined,
  version: string,
): Worse | undefined {
  if (now === undefined) return "silent";
  if (now.version !== version) return "version";
  if (!before.taking.every((name) => now.taking.includes(name))) return "channels";
  if (before.connected && !now.connected) return "tunnel";
  if (!now.critical.every((one) => before.critical.includes(one))) return "critical";
  return undefined;
}
