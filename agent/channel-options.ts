/** From a channel's configuration to what its listener and the doorway are given. @module */
import type { FileDropConfig } from "#config/file-drop.ts";
import type { ChannelConfig, LocalConfig } from "#config/local.ts";
import type { ChannelRules } from "./ingest/channel.ts";
import type { ListenerSettings } from "./ingest/mllp/listener-options.ts";
import type { StoreChannel } from "./outbox/epochs/channel-tails.ts";
import type { KekCustody } from "./sealing/kek.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** @param shareBytes what the channel may hold for the receiver */
export function channelRules(config: ChannelConfig, shareBytes: number): ChannelRules {
  const { ackMode, neAlAsOriginal, answerApplicationAck, malformedReply, cannotStoreReply } =
    config;
  return {
    ackPolicy: { ackMode, neAlAsOriginal, answerApplicationAck, malformedReply, cannotStoreReply },
    deferredTimeoutMs: config.deferredTimeoutSeconds * SECOND_MS,
    deferredFallback: config.deferredFallback,
    allowEmptyControlId: config.allowEmptyControlId,
    allowedProcessingIds: config.allowedProcessingIds,
    allowedVersions: config.allowedVersions,
    emptyBlockReply: config.emptyBlockReply,
    oversizeReply: config.oversizeReply,
    batchReply: config.batchReply,
    duplicatePolicy: config.duplicatePolicy,
    duplicateWindowMs: config.duplicateWindowHours * HOUR_MS,
    storeDeadlineMs: config.storeDeadlineSeconds * SECOND_MS,
    charset: config.charset,
    highWaterBytes: (shareBytes * config.highWaterPercent) / 100,
    lowWaterBytes: (shareBytes * config.lowWaterPercent) / 100,
  };
}

export function listenerSettings(config: ChannelConfig): ListenerSettings {
  return {
    host: config.host,
    port: config.port,
    allow: config.allow,
    tls: listenerTls(config),
    maxConnections: config.maxConnections,
    staleAfterMs: config.staleAfterSeconds * SECOND_MS,
    idleTimeoutMs: config.idleTimeoutSeconds * SECOND_MS,
    keepAliveMs: config.keepAliveSeconds * SECOND_MS,
    maxPendingBlocks: config.maxPendingBlocks,
    blockMaxBytes: config.maxBlockBytes,
    spoolThresholdBytes: config.spoolThresholdBytes,
    maxJunkBytes: config.maxJunkBytes,
    junkSampleBytes: config.junkSampleBytes,
    lenientEnd: config.lenientEnd,
    endOfBlockWaitMs: config.endOfBlockWaitMilliseconds,
    blockIdleTimeoutMs: config.blockIdleTimeoutSeconds * SECOND_MS,
    blockMaxMs: config.blockMaxSeconds * SECOND_MS,
  };
}

export const storeChannel = (config: ChannelConfig | FileDropConfig): StoreChannel => ({
  ...{ name: config.name, quarantineMaxBytes: config.quarantineMaxBytes },
  ...(config.kind === "file-drop" ? { fileWindowMs: fileWindowOf(config) } : {}),
});

/** 04 P26. Unless it is told, the store forgets a file's content after a day. */
const fileWindowOf = ({ duplicateFilePolicy, duplicateWindowHours }: FileDropConfig): number =>
  duplicateFilePolicy === "off" ? 0 : duplicateWindowHours * HOUR_MS;

function listenerTls({ tls }: ChannelConfig): ListenerSettings["tls"] {
  if (tls === undefined) return undefined;
  const { tlsHandshakeTimeoutSeconds, clientCa, ...rest } = tls;
  return { ...rest, clientCa, handshakeTimeoutMs: tlsHandshakeTimeoutSeconds * SECOND_MS };
}

/** Where the key-encryption key is. @param credentials `$CREDENTIALS_DIRECTORY` */
export function kekCustody(kek: LocalConfig["kek"], credentials: string | undefined): KekCustody {
  return kek.custody === "credential" ? { custody: "credential", folder: credentials } : kek;
}
