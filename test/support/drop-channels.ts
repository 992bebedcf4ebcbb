/** Several file-drop channels on one store, each with a folder of its name below a common one. @module */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { dropRules, dropSettings } from "#agent/drop-options.ts";
import type { HandOptions } from "#agent/folders/hand.ts";
import type { PickupSettings } from "#agent/folders/messages.ts";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import type { Conditions } from "#agent/health/conditions.ts";
import { type Clock, systemChance } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import type { Doorway } from "#agent/ingest/accept.ts";
import type { FileClaims } from "#agent/ingest/file-drop/claims.ts";
import { FileDrop } from "#agent/ingest/file-drop/file-drop.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";
import type { FileDropSettings } from "#agent/ingest/file-drop/settings.ts";
import { DISK_BUDGET_BYTES } from "#agent/limits.ts";
import { fileDrop, withFolders } from "#config/file-drop.ts";

export interface DropChannel {
  readonly name: string;
  /** In the store. */
  readonly id: number;
  /** As in `local.yaml`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly claims: FileClaims;
  readonly openHand: (options: HandOptions) => Promise<PickupHand>;
}

export interface DropChannelsOptions {
  readonly base: string;
  readonly channels: readonly DropChannel[];
  readonly settings: Partial<Omit<FileDropSettings, "pickup">>;
  readonly pickup: Partial<PickupSettings>;
  readonly doorway: Doorway;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
  readonly failed: (error: unknown) => void;
}

/** Where its files are dropped; `work`, `archive` and `error` lie beside it. */
export const dropFolder = (base: string, channel: string): string => join(base, channel, "in");

/** Starts all of them, in order. */
export function openDropChannels(options: DropChannelsOptions): readonly FileDrop[] {
  const { base, channels, settings, pickup, doorway, conditions, clock, log, failed } = options;
  return channels.map(({ name, id, config: keys, claims, openHand }) => {
    const folder = dropFolder(base, name);
    mkdirSync(folder, { recursive: true });
    const config = withFolders(fileDrop.parse({ name, kind: "file-drop", folder, ...keys }), base);
    const configured = dropSettings(config);
    const record = new ChannelRecord({ channel: name, clock, log });
    return new FileDrop(
      {
        channel: { name, id, record, rules: dropRules(config, DISK_BUDGET_BYTES) },
        settings: { ...configured, ...settings, pickup: { ...configured.pickup, ...pickup } },
        ...{ claims, openHand, doorway, conditions, log, clock, chance: systemChance },
      },
      failed,
    );
  });
}
