/** Opens the one connection: TLS 1.3, both sides known by certificate, then a websocket (06 TP1 to TP3). @module */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import type { Identity } from "#certs/identity.ts";
import { FRAME_MAX_BYTES, SUBPROTOCOL, TUNNEL_PATH } from "#protocol/limits.ts";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../limits.ts";

export interface DialOptions {
  /** `wss://host[:port]`; the path of the tunnel is added. */
  readonly receiverUrl: URL;
  readonly identity: Identity;
  readonly signal: AbortSignal;
}

export interface Dialled {
  readonly webSocket: WebSocket;
  /** The stream under it: to gather writes, and to cut the connection without a closing handshake. */
  readonly socket: TLSSocket;
}

const DEFAULT_PORT = 443;
/** What OpenSSL and Node say when the far certificate is not the one that we trust. */
const UNTRUSTED =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT_ALTNAME|INVALID_PURPOSE|HOSTNAME_MISMATCH)/;

/**
 * Dials the receiver.
 *
 * @returns the websocket paused, so that no frame is read before somebody listens: resume it
 * @throws {AgentError} `TUNNEL_UNREACHABLE`, `TUNNEL_PEER_UNTRUSTED`, `TUNNEL_REFUSED` with the
 *   receiver's reason, or `TUNNEL_VERSION`
 */
export async function dial(options: DialOptions): Promise<Dialled> {
  const socket = await openTls(options);
  try {
    return { webSocket: await upgrade(options, socket), socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function openTls({ receiverUrl, identity, signal }: DialOptions): Promise<TLSSocket> {
  const host = receiverUrl.hostname.replace(/^\[|\]$/g, "");
  const socket = connectTls({
    host,
    port: receiverUrl.port === "" ? DEFAULT_PORT : Number(receiverUrl.port),
    // A name only: RFC 6066 knows no addresses here. The certificate is checked against the host anyway.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ca: identity.receiverCaPem,
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    // Written out: NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default (07 1.9).
    rejectUnauthorized: true,
  });
  socket.on("error", () => {});
  socket.setNoDelay(true);
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await once(socket, "secureConnect", { signal: withTimeout(signal) });
    return socket;
  } catch (cause) {
    socket.destroy();
    throw dialFault(cause);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function upgrade({ receiverUrl, signal }: DialOptions, socket: TLSSocket): Promise<WebSocket> {
  const url = new URL(TUNNEL_PATH, receiverUrl);
  const webSocket = new WebSocket(url, [SUBPROTOCOL], {
    // No `agent`: with one, Node would make a connection of its own, with other TLS settings.
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: FRAME_MAX_BYTES,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    const abort = (): void => webSocket.terminate();
    signal.addEventListener("abort", abort, { once: true });
    webSocket.once("open", () => {
      signal.removeEventListener("abort", abort);
      webSocket.pause();
      resolve(webSocket);
    });
    webSocket.once("unexpected-response", (_request, response) => {
      reject(refusalOf(response));
      webSocket.terminate();
    });
    webSocket.on("error", (cause) => reject(dialFault(cause)));
  });
}

/** The receiver said no, in HTTP (07 1.8, 06 TP2, TP5). Header text is mapped, never shown. */
function refusalOf(response: IncomingMessage): AgentError {
  const status = response.statusCode ?? 0;
  if (status === 401) {
    const reason = String(response.headers["holdfast-reason"] ?? "");
    const known = /^[A-Z_]{1,40}$/.test(reason) ? reason : "REFUSED";
    return new AgentError("TUNNEL_REFUSED", { code: identifierFrom(known) });
  }
  if (status === 400) return new AgentError("TUNNEL_VERSION", { status });
  return new AgentError("TUNNEL_UNREACHABLE", { status });
}

function dialFault(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const sysCode = codeOf(cause);
  const code = UNTRUSTED.test(sysCode) ? "TUNNEL_PEER_UNTRUSTED" : "TUNNEL_UNREACHABLE";
  return new AgentError(code, { sysCode }, { cause });
}

const withTimeout = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)]);
