/** One change from a set of channels to another, while it is made. @module */
import type { ChannelSet } from "./channel-set.ts";
import type { Undo } from "./undo.ts";

export interface Change {
  readonly next: ChannelSet;
  /** What each channel may hold for the receiver, before and after. */
  readonly shareBefore: number;
  readonly shareAfter: number;
  readonly undo: Undo;
  /** Connections that are ending: waited for when everything else is done. */
  readonly ending: Promise<void>[];
  /** Before anything is opened. @throws {AgentError} `AGENT_NOT_RUNNING`: the agent stops */
  readonly goOn: () => void;
}
