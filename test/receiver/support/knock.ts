/**
 * Asks a receiver for an upgrade in plain HTTPS, and says what it answered.
 *
 * @module
 */
import { once } from "node:events";
import { request } from "node:https";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import { RECEIVER_CA_PEM } from "./identities.ts";

export interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly time: string | undefined;
  readonly retryAfter: string | undefined;
  readonly subprotocol: string | undefined;
  readonly body: string;
}

export const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": Buffer.alloc(16).toString("base64"),
  "Sec-WebSocket-Protocol": SUBPROTOCOL,
};

/** Asks for the upgrade, or whatever else `headers` and `path` say; hangs up where it is granted. */
export async function knock(
  port: number,
  identity: IssuedIdentity | undefined,
  { path = TUNNEL_PATH, headers = UPGRADE }: { path?: string; headers?: object } = {},
): Promise<Answer> {
  const asked = request({
    host: "127.0.0.1",
    port,
    path,
    headers: { ...headers },
    ca: RECEIVER_CA_PEM,
    agent: false,
    ...(identity && { cert: identity.certificatePem, key: identity.privateKeyPem }),
  }).end();
  const [response] = await Promise.race([once(asked, "response"), once(asked, "upgrade")]);
  let body = "";
  if (response.statusCode === 101) asked.destroy();
  else for await (const chunk of response) body += chunk;
  return {
    status: response.statusCode,
    reason: response.headers["holdfast-reason"],
    time: response.headers["holdfast-time"],
    retryAfter: response.headers["retry-after"],
    subprotocol: response.headers["sec-websocket-protocol"],
    body,
  };
}
