/** A channel that takes files, and runs. Its folder need not be there: that is a state of the channel (04 P3). @module */
import type { FileDropConfig } from "#config/file-drop.ts";
import { dropRules, dropSettings } from "../drop-options.ts";
import { FolderHand } from "../folders/hand.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import { FileDrop } from "../ingest/file-drop/file-drop.ts";
import { accepting } from "./accepting.ts";
import type { RunningParts } from "./running-parts.ts";

export interface RunningDrop {
  readonly name: string;
  readonly config: FileDropConfig;
  readonly record: ChannelRecord;
  readonly drop: FileDrop;
}

/** @param shareBytes what the channel may hold for the receiver */
export function openDrop(
  config: FileDropConfig,
  shareBytes: number,
  parts: RunningParts,
): RunningDrop {
  const { name } = config;
  const { outbox, doorway, conditions, clock, chance, log, failed } = parts;
  const channel = accepting(name, dropRules(config, shareBytes), parts);
  const drop = new FileDrop(
    {
      ...{ channel, settings: dropSettings(config), doorway, log },
      ...{ claims: outbox.files.of(name), openHand: (asked) => FolderHand.open(asked) },
      ...{ conditions, clock, chance },
    },
    (error) => failed(`file-drop.${name}`, error),
  );
  return { name, config, record: channel.record, drop };
}

/** What is in hand is finished within the grace; the rest is found again at the next start. */
export async function closeDrop(
  { drop }: RunningDrop,
  { clock, graceMs }: RunningParts,
): Promise<void> {
  using _budget = clock.after(graceMs, () => drop.abort());
  await drop[Symbol.asyncDispose]();
}
