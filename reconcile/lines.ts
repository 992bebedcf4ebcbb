/** What both sides print of an hour: lines, and how they are compared. @module */
import type { Direction } from "./hour-record.ts";

/** Of one channel, direction and hour. */
export interface LineKey {
  readonly direction: Direction;
  readonly channel: string;
  /** From 1970, UTC. */
  readonly hour: number;
}

/** What the agent has counted. */
export interface AgentCounts {
  /** Everything that a sender sent: stored, duplicates, quarantined and refused. Down: what came from the receiver. */
  readonly received: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly refused: number;
  /** Messages with a number, those included that an operator or the agent itself appended once more. */
  readonly stored: number;
  readonly digest: string | null;
}

/** With what became of them so far. */
export interface AgentLine extends LineKey, AgentCounts {
  /** Up: the receiver has them. Down: a hospital system has them. */
  readonly delivered: number;
  /** Up: the receiver has said its last word on them. Down: as `delivered`. */
  readonly acknowledged: number;
  readonly waiting: number;
  /** Up: lost here, refused by the receiver. Down: set aside. */
  readonly aside: number;
  /** Sent under another number; down: had come before. */
  readonly elsewhere: number;
}

/**
 * `arriving`: what is missing is still on its way. `untold`: the receiver has more than the agent has told of so far.
 * Everything else than `equal` is not proven.
 */
export type LineState = "equal" | "arriving" | "untold" | "differs";

/** One message that is not the same on both sides; epoch and seq as decimal text. */
export interface Difference {
  readonly epoch: string;
  readonly seq: string;
  readonly agent: "has" | "lacks";
  readonly receiver: "has" | "lacks" | "hasOther";
  /** Where it is known, and may be shown. */
  readonly controlId: string | null;
  /** Of the gap record that says why it will never come (RI8). */
  readonly gap?: string;
}

/** What the receiver says of an hour. */
export interface ComparedLine extends LineKey {
  readonly agent: string;
  readonly state: LineState;
  /** As the agent told; null: nothing of this hour. */
  readonly told: AgentCounts | null;
  readonly held: {
    readonly stored: number;
    readonly digest: string | null;
    /** Down: as the agent has reported. */
    readonly delivered: number;
    readonly aside: number;
  };
  /** All numbers are there and their content is not what the agent stored; only the agent can say of which. */
  readonly isOther: boolean;
  readonly differences: readonly Difference[];
  /** More of them than are named. */
  readonly unnamed: number;
}

/** Named of a line at most. */
export const DIFFERENCES_MAX_COUNT = 1_000;

/** The worst of them; `equal` for none. */
export function worstOf(states: Iterable<LineState>): LineState {
  let worst: LineState = "equal";
  for (const state of states) if (RANK[state] > RANK[worst]) worst = state;
  return worst;
}

const RANK: Readonly<Record<LineState, number>> = { equal: 0, arriving: 1, untold: 2, differs: 3 };

/** By hour, direction and channel. */
export function lineOrder(a: LineKey, b: LineKey): number {
  if (a.hour !== b.hour) return a.hour - b.hour;
  if (a.direction !== b.direction) return a.direction === "up" ? -1 : 1;
  if (a.channel === b.channel) return 0;
  return a.channel < b.channel ? -1 : 1;
}

export const lineKeyOf = ({ direction, channel, hour }: LineKey): string =>
  `${hour}/${direction}/${channel}`;
