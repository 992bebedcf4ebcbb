/** HTTP CONNECT through a proxy (RFC 9110 section 9.3.6, 07 1.10). @module */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { AgentError, identifierFrom } from "../errors.ts";
import { PROXY_HEADER_MAX_BYTES } from "../limits.ts";
import { proxyFault, stepFault } from "./dial-faults.ts";
import { PhaseLimit, type Waiting } from "./phase-limit.ts";

export interface ConnectOptions extends Waiting {
  /** Connected to the proxy, and new. */
  readonly socket: Socket;
  /** `host:port` of the receiver, an IPv6 address in brackets. */
  readonly authority: string;
  /** Value of `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

/** What a proxy may ask for, as shown; only these words, whatever it says. */
const SCHEMES = ["Basic", "Digest", "Negotiate", "NTLM", "Kerberos", "Bearer"] as const;

/**
 * Asks the proxy to connect. After this the socket's bytes are the receiver's, from the first byte
 * behind the proxy's header on.
 *
 * @throws {AgentError} a `TUNNEL_PROXY_…`; the socket is closed
 */
export async function connectThrough(options: ConnectOptions): Promise<void> {
  const { socket, authority, authorization } = options;
  using limit = new PhaseLimit(options);
  const asked = request({
    method: "CONNECT",
    path: authority,
    headers: {
      Host: authority,
      ...(authorization === undefined ? {} : { "Proxy-Authorization": authorization }),
    },
    // With this and without `agent` no other connection is made, and no environment is asked.
    createConnection: () => socket,
    maxHeaderSize: PROXY_HEADER_MAX_BYTES,
    insecureHTTPParser: false,
  });
  asked.on("error", () => {});
  try {
    asked.end();
    const [response, , head] = await once(asked, "connect", { signal: limit.signal });
    refuseUnlessConnected(response, authorization !== undefined);
    if (head.length > 0) socket.unshift(head);
  } catch (cause) {
    asked.destroy();
    socket.destroy();
    throw stepFault(limit, cause, "TUNNEL_PROXY_TIMEOUT", proxyFault);
  }
}

/** Exactly 200: RFC 9110 allows any 2xx, and no proxy sends another. */
function refuseUnlessConnected(response: IncomingMessage, loggedIn: boolean): void {
  const status = response.statusCode ?? 0;
  if (status === 200) return;
  // 401 is what a web server would say; Tinyproxy says it to a wrong password.
  if (status === 407 || status === 401) {
    const { headers } = response;
    const asked = headers["proxy-authenticate"] ?? headers["www-authenticate"] ?? "";
    const asksFor = schemesOf(asked);
    throw new AgentError("TUNNEL_PROXY_AUTHENTICATION", { asksFor, loggedIn });
  }
  const redirect = status >= 300 && status < 400;
  throw new AgentError(redirect ? "TUNNEL_PROXY_REDIRECT" : "TUNNEL_PROXY_REFUSED", { status });
}

/** @param header challenges, RFC 9110 section 11.6.1: `Basic realm="x", NTLM` */
function schemesOf(header: string | readonly string[]) {
  const challenges = `,${String(header)}`.replaceAll(/"(?:[^"\\]|\\.)*"/g, "");
  const asked = SCHEMES.filter((name) =>
    new RegExp(`,\\s*${name}(?![\\w-])`, "i").test(challenges),
  );
  return identifierFrom(asked.length === 0 ? "unknown" : asked.join("."));
}
