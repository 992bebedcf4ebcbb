/** What can be wrong where hospital systems send messages here. @module */
import { HICCUP_MS, MINUTE_MS, type WarningRow } from "./warning.ts";

/** While these last, nothing can come in, and their silence says nothing of the sender. */
const CLOSED = ["storeFailing", "diskLow", "channelFull", "listenerClosed"] as const;

export const CHANNEL_WARNINGS = {
  listenerClosed: {
    severity: "critical",
    means: "The port of a channel was taken while it was closed; it takes no messages",
    remedy: "Stop the program that took it",
    whose: "hospital IT",
    visibleAfterMs: HICCUP_MS,
    inMaintenance: true,
  },
  channelFull: {
    severity: "critical",
    means: "A channel holds its share of the disk budget: its senders are not read from",
    remedy: "See why its messages do not leave: holdfast status",
    whose: "hospital IT",
    dependsOn: ["storeFailing", "diskLow"],
    visibleAfterMs: HICCUP_MS,
  },
  channelSilent: {
    severity: "warning",
    means: "A channel has been silent far longer than is usual for this hour and weekday",
    remedy: "Ask whether its sender is down, or was changed",
    whose: "integration",
    dependsOn: [...CLOSED, "fileDropEnded", "folderUnreachable", "peerRefused"],
    closesAfterMs: 0,
    inMaintenance: true,
  },
  manyRefusals: {
    severity: "warning",
    means: "Many messages of a channel are answered with a refusal",
    remedy: "See which warnings its sender causes: holdfast channel list",
    whose: "integration",
    dependsOn: ["storeFailing", "diskLow", "quarantineFull"],
    closesAfterMs: 10 * MINUTE_MS,
    inMaintenance: true,
  },
  peerRefused: {
    severity: "warning",
    means: "A peer that is not allowed tries again and again to connect to a channel",
    remedy: "Find the peer of the fact: add it to allow, or see that it stops",
    whose: "integration",
    inMaintenance: true,
  },
  tooManyConnections: {
    severity: "warning",
    means: "A channel has all connections it allows",
    remedy: "Find who holds them, or raise maxConnections: holdfast channel list",
    whose: "integration",
    inMaintenance: true,
  },
  certificateExpiring: {
    severity: "warning",
    means: "The TLS certificate of a channel ends soon",
    remedy: "Put a new one in its place",
    whose: "hospital IT",
  },
  malformedAccepted: {
    severity: "warning",
    means: "A channel tells senders AA for blocks that are no messages (malformedReply: accept)",
    remedy: "Look at what comes, and go back to malformedReply: reject",
    whose: "integration",
  },
  openToAllInterfaces: {
    severity: "warning",
    means: "A channel listens for plain MLLP on all interfaces",
    remedy: "Set host to one address, or use TLS",
    whose: "hospital IT",
    dependsOn: ["openToAll"],
  },
  openToAll: {
    severity: "warning",
    means: "A channel accepts plain MLLP from every address",
    remedy: "Restrict allow to its senders",
    whose: "hospital IT",
  },
  messageTooLarge: {
    severity: "critical",
    means: "A sender sends a message over the limit, which is refused",
    remedy: "Raise maxBlockBytes, or split it there",
    whose: "integration",
  },
} as const satisfies Record<string, WarningRow>;
