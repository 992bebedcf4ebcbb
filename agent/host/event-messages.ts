/**
 * What the Event Log of Windows shows of us (09 SV17): the numbers of its entries, one a severity, and what it puts
 * around our text, which is all of it. The executable carries them as its message table.
 *
 * @module
 */

/** Of `ReportEventW`: the number, and the type that goes with it. */
export const EVENT_MESSAGES = {
  info: { id: 1, type: 4, text: "%1\r\n" },
  warning: { id: 2, type: 2, text: "%1\r\n" },
  error: { id: 3, type: 1, text: "%1\r\n" },
} as const;
