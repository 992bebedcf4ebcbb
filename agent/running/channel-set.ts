/** Which channels run, by what they do. @module */
import type { LocalConfig } from "#config/local.ts";

/** Paths in it are absolute; names are unique among all four. */
export type ChannelSet = Pick<LocalConfig, "channels" | "drops" | "senders" | "folderSenders">;

/** Those whose messages go to the receiver. */
export const upstreamOf = ({ channels, drops }: ChannelSet) => [...channels, ...drops];

/** 05 S12: each channel has an equal share of the disk budget, so that one feed cannot starve the others. */
export const shareOf = (diskBudgetBytes: number, set: ChannelSet): number =>
  diskBudgetBytes / upstreamOf(set).length;
