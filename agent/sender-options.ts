/** From a delivering channel's configuration to what its sender is given. @module */
import type { SenderConfig } from "#config/mllp-sender.ts";
import type { SenderSettings } from "./deliver/sender-settings.ts";

const SECOND_MS = 1_000;

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

function senderTls({ tls }: SenderConfig): SenderSettings["tls"] {
  if (tls === undefined) return undefined;
  const { tlsHandshakeTimeoutSeconds, serverName, certificate, key, ...rest } = tls;
  const handshakeTimeoutMs = tlsHandshakeTimeoutSeconds * SECOND_MS;
  return { ...rest, serverName, certificate, key, handshakeTimeoutMs };
}
