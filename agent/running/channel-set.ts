/** Which channels run, by what they do, and what becomes of one set when another takes its place. @module */
import { isDeepStrictEqual } from "node:util";
import type { FileDropConfig } from "#config/file-drop.ts";
import type { ChannelConfig, LocalConfig } from "#config/local.ts";

/** Paths in it are absolute; names are unique among all four. */
export type ChannelSet = Pick<LocalConfig, "channels" | "drops" | "senders" | "folderSenders">;

/** Those whose messages go to the receiver. */
export const upstreamOf = ({
  channels,
  drops,
}: ChannelSet): readonly (ChannelConfig | FileDropConfig)[] => [...channels, ...drops];

/** Those whose messages come from there, by name. */
export const downstreamOf = ({ senders, folderSenders }: ChannelSet): readonly string[] =>
  [...senders, ...folderSenders].map(({ name }) => name);

/** 05 S12: each channel has an equal share of the disk budget, so that one feed cannot starve the others. */
export const shareOf = (diskBudgetBytes: number, set: ChannelSet): number =>
  diskBudgetBytes / upstreamOf(set).length;

export interface Changed<Config> {
  readonly before: Config;
  readonly after: Config;
}

export interface Changes<Config> {
  readonly added: readonly Config[];
  readonly changed: readonly Changed<Config>[];
  readonly removed: readonly Config[];
}

/** By name; what is deep-equal is none of them. */
export function changesOf<Config extends { readonly name: string }>(
  before: readonly Config[],
  after: readonly Config[],
): Changes<Config> {
  const old = new Map(before.map((one) => [one.name, one]));
  const names = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !old.has(name)),
    changed: after.flatMap((one) => {
      const known = old.get(one.name);
      if (known === undefined || isDeepStrictEqual(known, one)) return [];
      return [{ before: known, after: one }];
    }),
    removed: before.filter(({ name }) => !names.has(name)),
  };
}
