/** What outlets of several kinds have in common in `receiver.yaml`. @module */
import { z } from "zod";
import { OUTLET_CHANNELS_AT_ONCE } from "../limits.ts";
import { isReserved, isServed } from "../served-channels.ts";

export const NAME = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "is no name such as lab-1");

/** The keys of an outlet that hands on by itself. */
export const HANDS_ON = {
  name: NAME,
  /** Only these; all if it is absent. */
  channels: z.array(z.string().refine(isHandedOn, "is no channel of agents")).min(1).optional(),
  timeoutSeconds: z.int().min(1).max(600).default(30),
  channelsAtOnce: z.int().min(1).max(256).default(OUTLET_CHANNELS_AT_ONCE),
};

/** TP35: no platform gets what is the receiver's own. */
function isHandedOn(channel: string): boolean {
  return isServed(channel) && !isReserved(channel);
}
