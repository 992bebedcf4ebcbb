/** What every sink of the receiver is told. @module */
import { ReceiverError } from "#receiver/errors.ts";
import { systemChance } from "#receiver/host/clock.ts";
import { isServed } from "#receiver/served-channels.ts";

export const isStoreFault = (error: unknown): boolean => error instanceof ReceiverError;

export const RECEIVER_SINK = {
  parity: 1,
  serves: isServed,
  chance: systemChance,
  isStoreFault,
} as const;
