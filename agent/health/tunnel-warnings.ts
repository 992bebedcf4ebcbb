/** What can be wrong between here and the receiver, and with who we are. @module */
import { HICCUP_MS, MINUTE_MS, type WarningRow } from "./warning.ts";

export const TUNNEL_WARNINGS = {
  tunnelDown: {
    severity: "warning",
    means: "The receiver is not reached: messages are kept",
    remedy: "Check network, certificate, receiver: holdfast doctor",
    whose: "hospital IT",
    dependsOn: ["identityRefused"],
    visibleAfterMs: 2 * MINUTE_MS,
    closesAfterMs: 2 * MINUTE_MS,
    inMaintenance: true,
  },
  queueAge: {
    severity: "warning",
    means: "Messages of a channel wait longer than outboxAgeAlarmMinutes to leave",
    remedy: "See why with holdfast status: the tunnel, a hold, or more than the line carries",
    whose: "hospital IT",
    dependsOn: ["tunnelDown", "identityRefused", "channelHeld", "messageDamaged"],
    visibleAfterMs: MINUTE_MS,
    closesAfterMs: 2 * MINUTE_MS,
    inMaintenance: true,
  },
  clockSkewed: {
    severity: "warning",
    means: "This machine's clock and the receiver's differ",
    remedy: "Compare it with a good one, and let NTP keep it",
    whose: "hospital IT",
  },
  clockSuspect: {
    severity: "warning",
    means: "This machine's clock is behind the newest signed document",
    remedy: "Compare it with a good one",
    whose: "hospital IT",
    dependsOn: ["clockSkewed"],
  },
  identityRefused: {
    severity: "critical",
    means: "The receiver refuses this agent's certificate: messages are kept",
    remedy: "See the code of the fact, and status; ask the vendor",
    whose: "vendor",
    visibleAfterMs: HICCUP_MS,
  },
  renewalFailing: {
    severity: "warning",
    means: "The agent's certificate could not be renewed: it is tried again",
    remedy: "See the code of the fact",
    whose: "vendor",
    dependsOn: ["tunnelDown", "identityRefused", "renewalOverdue"],
    visibleAfterMs: MINUTE_MS,
  },
  renewalOverdue: {
    severity: "critical",
    means: "The agent's certificate ends soon and was not renewed",
    remedy: "See why with holdfast identity show, before it ends",
    whose: "hospital IT",
  },
  channelHeld: {
    severity: "warning",
    means: "A channel is held: its messages are kept and not sent",
    remedy: "See the code of the fact",
    whose: "vendor",
    dependsOn: ["messageDamaged"],
    inMaintenance: true,
  },
  channelParted: {
    severity: "warning",
    means: "The receiver held other messages under a channel's numbers",
    remedy: "What is unsettled is sent again under new numbers; tell the vendor",
    whose: "vendor",
  },
  gapSent: {
    severity: "critical",
    means: "The receiver was told of messages that will not come to it",
    remedy: "The facts say which and why: see that somebody knows",
    whose: "integration",
  },
} as const satisfies Record<string, WarningRow>;
