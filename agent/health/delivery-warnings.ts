/** What can be wrong where messages are delivered to hospital systems. @module */
import { HICCUP_MS, MINUTE_MS, type WarningRow } from "./warning.ts";

export const DELIVERY_WARNINGS = {
  endpointUnreachable: {
    severity: "warning",
    means: "A hospital system cannot be connected to: its messages are kept",
    remedy: "Check host, port, TLS, firewall",
    whose: "integration",
    visibleAfterMs: 2 * MINUTE_MS,
    inMaintenance: true,
  },
  endpointSilent: {
    severity: "warning",
    means: "A hospital system takes messages and does not reply: they are sent again without end",
    remedy: "Look at that system",
    whose: "integration",
    dependsOn: ["endpointUnreachable"],
    inMaintenance: true,
  },
  endpointRefuses: {
    severity: "warning",
    means: "A hospital system refuses a message that is sent again for ever",
    remedy: "Look at its log, or change onError, onReject",
    whose: "integration",
    inMaintenance: true,
  },
  deliveryHeld: {
    severity: "warning",
    means:
      "A hospital system refused a message, it is damaged, or a file has its name: its channel waits until a person decides",
    remedy: "Decide: holdfast channel release",
    whose: "integration",
    inMaintenance: true,
  },
  deliveryQuarantined: {
    severity: "warning",
    means: "A message was set aside instead of being delivered; the receiver was told",
    remedy: "The facts say why: see that somebody knows",
    whose: "integration",
  },
  applicationAckMissing: {
    severity: "warning",
    means: "A hospital system accepted a message and never said what became of it",
    remedy: "Ask there what became of it",
    whose: "integration",
    inMaintenance: true,
  },
  targetUnreachable: {
    severity: "warning",
    means: "Files cannot be written into the folder of a channel: its messages are kept",
    remedy: "The facts say at what step; check share, mount and rights: holdfast doctor",
    whose: "hospital IT",
    visibleAfterMs: MINUTE_MS,
    inMaintenance: true,
  },
  targetFull: {
    severity: "warning",
    means: "There is no room for the files of a channel: its messages are kept",
    remedy: "Free space where its folder is",
    whose: "hospital IT",
    visibleAfterMs: HICCUP_MS,
  },
  filesNotCollected: {
    severity: "warning",
    means: "Files of a channel lie in its folder for longer than pickupAlarmSeconds",
    remedy: "Look at the system that should take them",
    whose: "integration",
    dependsOn: ["targetUnreachable"],
    inMaintenance: true,
  },
} as const satisfies Record<string, WarningRow>;
