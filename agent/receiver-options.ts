/** What the configuration says about the way to the receiver, as the tunnel takes it. @module */
import type { LocalConfig } from "#config/local.ts";
import { type HttpProxy, openProxy } from "./tunnel/proxy.ts";

export interface ReceiverOptions {
  readonly receiverUrl: URL;
  readonly proxy: HttpProxy | undefined;
  readonly requireCapabilities: readonly string[];
  readonly clockSkewAlarmMs: number;
}

/** @throws {AgentError} `PROXY_PASSWORD_…` */
export function receiverOptions(config: LocalConfig): ReceiverOptions {
  const { receiver, clockSkewAlarmMinutes } = config;
  const { url, proxy, proxyUser, proxyPasswordFile, requireCapabilities } = receiver;
  const login = { user: proxyUser, passwordFile: proxyPasswordFile };
  return {
    receiverUrl: new URL(url),
    proxy: proxy === undefined ? undefined : openProxy({ url: proxy, ...login }),
    requireCapabilities,
    clockSkewAlarmMs: clockSkewAlarmMinutes * 60_000,
  };
}
