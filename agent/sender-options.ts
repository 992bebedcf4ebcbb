/** From a delivering channel's configuration to what its sender is given. @module */
import { type FolderConfig, sentinelName } from "#config/folder.ts";
import type { SenderConfig } from "#config/mllp-sender.ts";
import type { FolderSettings } from "./deliver/folder-settings.ts";
import type { SenderSettings } from "./deliver/sender-settings.ts";
import type { ChannelSet } from "./running/channel-set.ts";

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Channels that deliver, by name. */
export const deliveredBy = ({ senders, folderSenders }: ChannelSet): string[] =>
  [...senders, ...folderSenders].map(({ name }) => name);

export function senderSettings(config: SenderConfig): SenderSettings {
  return {
    host: config.host,
    port: config.port,
    tls: senderTls(config),
    connectTimeoutMs: config.connectTimeoutSeconds * SECOND_MS,
    keepAliveMs: config.keepAliveSeconds * SECOND_MS,
    keepOpen: config.keepOpen,
    expectReply: config.expectReply,
    matchControlId: config.matchControlId,
    replyTimeoutMs: config.replyTimeoutSeconds * SECOND_MS,
    applicationAckTimeoutMs: config.applicationAckTimeoutSeconds * SECOND_MS,
    waitForApplicationAck: config.waitForApplicationAck,
    retryMinMs: config.retryMinSeconds * SECOND_MS,
    retryMaxMs: config.retryMaxSeconds * SECOND_MS,
    errorRetries: config.errorRetries,
    maxReplyErrors: config.maxReplyErrors,
    onError: config.onError,
    onReject: config.onReject,
    expireAfterMs: config.expireAfterSeconds * SECOND_MS,
    lenientEnd: config.lenientEnd,
    endOfBlockWaitMs: config.endOfBlockWaitMilliseconds,
    blockIdleTimeoutMs: config.blockIdleTimeoutSeconds * SECOND_MS,
    blockMaxMs: config.blockMaxSeconds * SECOND_MS,
    blockMaxBytes: config.maxBlockBytes,
  };
}

export function folderSettings(config: FolderConfig): FolderSettings {
  return {
    outlet: {
      folder: config.folder,
      tempFolder: config.tempFolder,
      tempSuffix: config.tempSuffix,
      controlSuffix: config.outControlSuffix,
      onCollision: config.onCollision,
      sentFolder: config.sentFolder,
      shareKind: config.shareKind,
      sentinelFile: config.sentinelFile,
      fileMode: Number.parseInt(config.fileMode, 8),
      folderMode: Number.parseInt(config.folderMode, 8),
    },
    sentinelName: sentinelName(config),
    shareTimeoutMs: config.shareTimeoutSeconds * SECOND_MS,
    nameTemplate: config.nameTemplate,
    useSuggestedName: config.useSuggestedName,
    ext: config.ext,
    pickupAlarmMs: config.pickupAlarmSeconds * SECOND_MS,
    sentKeepMs: config.sentKeepDays * DAY_MS,
    retryMinMs: config.retryMinSeconds * SECOND_MS,
    retryMaxMs: config.retryMaxSeconds * SECOND_MS,
    expireAfterMs: config.expireAfterSeconds * SECOND_MS,
  };
}

function senderTls({ tls }: SenderConfig): SenderSettings["tls"] {
  if (tls === undefined) return undefined;
  const { tlsHandshakeTimeoutSeconds, serverName, certificate, key, ...rest } = tls;
  const handshakeTimeoutMs = tlsHandshakeTimeoutSeconds * SECOND_MS;
  return { ...rest, serverName, certificate, key, handshakeTimeoutMs };
}
