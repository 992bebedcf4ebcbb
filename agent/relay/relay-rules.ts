/** What the configuration says of one channel on its way. @module */
import { PRIORITY, type Priority } from "#protocol/frame.ts";

export interface RelayRules {
  readonly priority: keyof typeof PRIORITY;
  /** What becomes of a message that the receiver will never take (06 TP30). */
  readonly onReceiverReject: "hold" | "quarantine";
}

export const priorityOf = ({ priority }: RelayRules): Priority => PRIORITY[priority];

/** Whoever says that such messages are set aside from now on has decided about the one that the channel is held at. */
export const isDecision = (before: RelayRules, now: RelayRules): boolean =>
  before.onReceiverReject === "hold" && now.onReceiverReject === "quarantine";
