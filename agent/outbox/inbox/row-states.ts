/**
 * How a message of the inbox stands (`inbox.state`).
 *
 * ```
 *            ┌──── hold, release ───┐
 * waiting ───┴──► awaiting ─────────┤         repeat: stored before under another number (06 RI6)
 *    └───────────────┴──► accepted  └──► aside ──► discarded
 * ```
 *
 * @module
 */

export const INBOX_STATE = {
  /** To be delivered; perhaps claimed, perhaps held. */
  waiting: 0,
  /** Accepted, and its application acknowledgment is due (03 O6). */
  awaiting: 1,
  /** Delivered. */
  accepted: 2,
  /** Set aside (03 O5, O9, O11): its bytes stay until a person discards it. */
  aside: 3,
  /** The same message came before: it is not handed on, and its bytes are not kept twice. */
  repeat: 4,
  /** Set aside, and a person gave it up. */
  discarded: 5,
} as const;
export type InboxState = (typeof INBOX_STATE)[keyof typeof INBOX_STATE];

/** Whether nothing has ended it yet. */
export const isOpen = (state: number): boolean => state < INBOX_STATE.accepted;
