/**
 * The hospital's proxy (07 1.10), as the configuration names it and nothing else does: what the
 * environment says about proxies has no effect.
 *
 * @module
 */
import { readProxyPassword } from "#certs/proxy-password.ts";

export interface ProxySettings {
  /** `http://host[:port]`. */
  readonly url: string;
  readonly user?: string | undefined;
  /** Absolute; mode 0600. */
  readonly passwordFile?: string | undefined;
}

export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** The value of `Proxy-Authorization` (RFC 7617), read anew for each connection; never kept. */
  readonly authorization: () => string | undefined;
}

const HTTP_PORT = 80;

/** @throws {AgentError} `PROXY_PASSWORD_…` if there is a password and it cannot be read now */
export function openProxy({ url, user, passwordFile }: ProxySettings): HttpProxy {
  const { hostname, port } = new URL(url);
  const authorization = (): string | undefined => {
    if (user === undefined || passwordFile === undefined) return undefined;
    const login = `${user}:${readProxyPassword(passwordFile)}`;
    return `Basic ${Buffer.from(login, "utf8").toString("base64")}`;
  };
  authorization();
  return {
    host: bareHost(hostname),
    port: port === "" ? HTTP_PORT : Number(port),
    authorization,
  };
}

/** An IPv6 address without the brackets that it has in a URL. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, "");
