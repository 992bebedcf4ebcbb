/** The channels of the plan, with times that make a recording short. @module */

import type { HandOptions } from "#agent/folders/hand.ts";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import type { FileDrop } from "#agent/ingest/file-drop/file-drop.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import { type DropChannelsOptions, openDropChannels } from "#test/support/drop-channels.ts";
import { CHANNELS, type Channel, CONFIG } from "./plan.ts";

const STABLE_MS = 60;
const PAIR_TIMEOUT_MS = 500;
const LOOK_BACK_MS = 200;

export interface DropsOptions
  extends Omit<DropChannelsOptions, "channels" | "settings" | "pickup"> {
  readonly idOf: (channel: Channel) => number;
  readonly claims: (channel: Channel) => FileClaims;
  readonly openHand: (channel: Channel, options: HandOptions) => Promise<PickupHand>;
  readonly pollMs: number;
}

/** Starts all of them, in the order of `CHANNELS`. */
export function openDrops(options: DropsOptions): readonly FileDrop[] {
  const { idOf, claims, openHand, pollMs } = options;
  return openDropChannels({
    ...options,
    channels: CHANNELS.map((name) => ({
      ...{ name, id: idOf(name), config: CONFIG[name], claims: claims(name) },
      openHand: (asked) => openHand(name, asked),
    })),
    settings: { pollMs, lateWriteCheckMs: LOOK_BACK_MS },
    pickup: { stableForMs: STABLE_MS, pairTimeoutMs: PAIR_TIMEOUT_MS },
  });
}
