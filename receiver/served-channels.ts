/** Which channels of agents are taken here (TP16), and which of them are our own (TP35). @module */

/** Where agents report deliveries (03 O10). */
export const OUTCOMES_CHANNEL = "$outcomes";
/** Where agents say where they stand, signed (08 6). */
export const STATUS_CHANNEL = "$status";
/** Where agents put answers above 16 KiB (TP35). */
export const ANSWERS_CHANNEL = "$answers";
/** On which signed documents go down (07). */
export const DOCUMENTS_CHANNEL = "$documents";
/** Under which commands wait in the outbox (TP36). It is no stream: they leave as CMD. */
export const COMMANDS_CHANNEL = "$commands";
/** Reserved ones that this version serves. */
const SERVED_RESERVED: ReadonlySet<string> = new Set([
  OUTCOMES_CHANNEL,
  STATUS_CHANNEL,
  ANSWERS_CHANNEL,
]);

/** Of the receiver and the agent themselves: never exported, and handed to no platform (TP35). */
export const isReserved = (channel: string): boolean => channel.startsWith("$");

/**
 * A channel without a name is no channel, and one with a NUL in it cannot be stored as text by every
 * store. Other reserved channels belong to features of later versions.
 */
export function isServed(channel: string): boolean {
  if (isReserved(channel)) return SERVED_RESERVED.has(channel);
  return channel !== "" && !channel.includes("\0");
}
