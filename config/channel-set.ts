/**
 * The channels of a configuration, wherever it comes from: the hospital's own file or a signed document.
 *
 * @module
 */
import { resolve } from "node:path";
import { z } from "zod";
import { type FileDropConfig, fileDrop, withFolders } from "./file-drop.ts";
import { type FolderConfig, folder, withAbsoluteFolders } from "./folder.ts";
import { type FolderClash, folderClashes, type UsedFolder } from "./folders.ts";
import { mllpListener } from "./mllp-listener.ts";
import { mllpSender, type SenderConfig } from "./mllp-sender.ts";

const channel = z.discriminatedUnion("kind", [mllpListener, mllpSender, fileDrop, folder], {
  error: ({ code }) =>
    code === "invalid_union"
      ? "must be mllp-listener, mllp-sender, file-drop or folder"
      : undefined,
});

export const channelList = z
  .array(channel)
  .min(1, { message: "must name at least one channel" })
  .refine((channels) => new Set(channels.map(({ name }) => name)).size === channels.length, {
    message: "must not use a name twice",
  })
  .refine((channels) => portsDiffer(channels), {
    message: "must not use a port twice on the same address",
  });

/** As it is written, with every default. */
export type AnyChannel = z.infer<typeof channel>;
type ChannelConfig = z.infer<typeof mllpListener>;

/**
 * Channels by what they do: listening ones are `channels`, those that pick up files `drops`, those that deliver
 * `senders` and `folderSenders`. Paths are absolute.
 */
export type ChannelSet = {
  readonly channels: ChannelConfig[];
  readonly drops: FileDropConfig[];
  readonly senders: SenderConfig[];
  readonly folderSenders: FolderConfig[];
};

/** What relative paths begin at: folders of messages, and files of TLS. */
export interface PathBases {
  readonly folders: string;
  readonly tls: string;
}

export function channelSetOf(channels: readonly AnyChannel[], bases: PathBases): ChannelSet {
  return {
    channels: channels
      .filter((one) => one.kind === "mllp-listener")
      .map((one) => withAbsolutePaths(one, bases.tls)),
    drops: channels
      .filter((one) => one.kind === "file-drop")
      .map((one) => withFolders(one, bases.folders)),
    senders: channels
      .filter((one) => one.kind === "mllp-sender")
      .map((one) => withAbsoluteSenderPaths(one, bases.tls)),
    folderSenders: channels
      .filter((one) => one.kind === "folder")
      .map((one) => withAbsoluteFolders(one, bases.folders)),
  };
}

/** Folders that clash with one before them or, if it is given, with the state folder (04 P2). */
export function clashesOf(
  channels: readonly AnyChannel[],
  base: string,
  stateDir?: string,
): FolderClash[] {
  const used = channels.flatMap((one, index) => usedFolders(one, index, base));
  return folderClashes(used, stateDir);
}

function withAbsolutePaths({ tls, ...channel }: ChannelConfig, folder: string): ChannelConfig {
  if (tls === undefined) return channel;
  const { certificate, key, clientCa } = tls;
  const files = { certificate: resolve(folder, certificate), key: resolve(folder, key) };
  const trusted = clientCa === undefined ? {} : { clientCa: resolve(folder, clientCa) };
  return { ...channel, tls: { ...tls, ...files, ...trusted } };
}

function withAbsoluteSenderPaths({ tls, ...sender }: SenderConfig, folder: string): SenderConfig {
  if (tls === undefined) return sender;
  const { certificate, key, serverCa } = tls;
  const own = {
    ...(certificate === undefined ? {} : { certificate: resolve(folder, certificate) }),
    ...(key === undefined ? {} : { key: resolve(folder, key) }),
  };
  return { ...sender, tls: { ...tls, ...own, serverCa: resolve(folder, serverCa) } };
}

/** Every folder that a channel reads or writes (04 P2). */
export function usedFolders(one: AnyChannel, index: number, base: string): readonly UsedFolder[] {
  const written = (paths: Readonly<Record<string, string | undefined>>): UsedFolder[] =>
    Object.entries(paths).flatMap(([key, path]) =>
      path === undefined
        ? []
        : [
            {
              channel: index,
              ...{ key, isDefault: !(key in one), path },
              use: "written" as const,
              recursive: false,
            },
          ],
    );
  if (one.kind === "folder") {
    const { folder, tempFolder, sentFolder } = withAbsoluteFolders(one, base);
    return written({ folder, tempFolder, sentFolder });
  }
  if (one.kind !== "file-drop") return [];
  const { folder, workFolder, archiveFolder, errorFolder, recursive } = withFolders(one, base);
  const drop = { channel: index, key: "folder", path: folder, use: "drop", recursive } as const;
  return [drop, ...written({ workFolder, archiveFolder, errorFolder })];
}

const hasFixedPort = ({ port }: ChannelConfig): boolean => port !== 0;

/** Port 0 is whatever is free; several senders may deliver to one. */
function portsDiffer(channels: readonly AnyChannel[]): boolean {
  const fixed = channels.filter((one) => one.kind === "mllp-listener").filter(hasFixedPort);
  return new Set(fixed.map(({ host, port }) => `${host} ${port}`)).size === fixed.length;
}
