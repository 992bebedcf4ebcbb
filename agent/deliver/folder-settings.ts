/** A channel's settings as far as delivering into a folder is concerned; the keys of 04 section 11. @module */
import type { OutletSettings } from "../folders/outlet-messages.ts";

export interface FolderRules {
  /** 03 O4: the ceiling of the first wait, and of every wait. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

export interface FolderSettings extends FolderRules {
  /** What the worker is told: folders, modes, what happens on a collision. */
  readonly outlet: Omit<OutletSettings, "mark" | "channel" | "ownNames">;
  /** 04 P46: without an answer for so long, the worker is ended. */
  readonly shareTimeoutMs: number;
  /** 04 P55: without a fault. */
  readonly nameTemplate: string;
  readonly useSuggestedName: boolean;
  /** `undefined`: by the message. */
  readonly ext: string | undefined;
  /** The name of a file in the target folder that is never written to. */
  readonly sentinelName: string | undefined;
  /** 04 P58: 0: nobody looks. */
  readonly pickupAlarmMs: number;
  /** 04 P30, in days of 24 hours: 0: copies stay for ever. */
  readonly sentKeepMs: number;
  /** 03 O11: age of a message that is no longer sent; 0: never. */
  readonly expireAfterMs: number;
}
