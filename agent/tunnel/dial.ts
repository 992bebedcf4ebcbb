/**
 * Opens the one connection (06 TP1 to TP3): TCP, directly or through the hospital's proxy, then TLS 1.3
 * with both sides known by certificate, then a websocket. Each step has ten seconds and errors of its own.
 *
 * @module
 */
import type { LookupFunction, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { WebSocket } from "ws";
import { AgentError, identifierFrom } from "../errors.ts";
import { connectThrough } from "./connect-through.ts";
import { chainShown, issuerShown, type ShownCertificate } from "./issuer-look.ts";
import type { Waiting } from "./phase-limit.ts";
import { bareHost, type HttpProxy } from "./proxy.ts";
import { secure, type TlsIdentity } from "./secure.ts";
import { openTcp } from "./tcp.ts";
import { upgrade } from "./upgrade.ts";

/** In order. With a proxy, `resolve` and `connect` are those of the proxy. */
export const DIAL_STEPS = ["resolve", "connect", "proxy", "secure", "upgrade"] as const;
export type DialStep = (typeof DIAL_STEPS)[number];

export interface DialOptions extends Waiting {
  /** `wss://host[:port]`; the path of the tunnel is added. */
  readonly receiverUrl: URL;
  readonly proxy?: HttpProxy | undefined;
  readonly identity: TlsIdentity;
  /** Instead of the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  /** A step is done. */
  readonly onStep?: ((step: DialStep) => void) | undefined;
}

export interface Dialled {
  readonly webSocket: WebSocket;
  /** The stream under it: to gather writes, and to cut the connection without a closing handshake. */
  readonly socket: TLSSocket;
}

const HTTPS_PORT = 443;

/**
 * Dials the receiver.
 *
 * @returns the websocket paused, so that no frame is read before somebody listens: resume it
 * @throws {AgentError} one of `agent/tunnel-errors.ts`; every socket is closed
 */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { receiverUrl, onStep } = options;
  const socket = await secured(options);
  onStep?.("secure");
  try {
    const webSocket = await upgrade({ ...options, socket, receiverUrl });
    onStep?.("upgrade");
    return { webSocket, socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * The connection without the websocket: for the doors beside it (07 1.5, 1.6).
 *
 * @throws {AgentError} one of `agent/tunnel-errors.ts`; every socket is closed
 */
export async function secured(options: DialOptions): Promise<TLSSocket> {
  const host = bareHost(options.receiverUrl.hostname);
  try {
    return await secure({ ...options, socket: await route(options), host });
  } catch (error) {
    if (!isStranger(error)) throw error;
    throw await withIssuer(error, { ...options, onStep: undefined }, host);
  }
}

/**
 * The certificates that are shown where the receiver should be, leaf first. Nothing is sent there (07 EN2).
 *
 * @throws {AgentError} one of `agent/tunnel-errors.ts` if there was no TLS to look at
 */
export async function lookAtReceiver(
  options: Omit<DialOptions, "identity">,
): Promise<readonly ShownCertificate[]> {
  const host = bareHost(options.receiverUrl.hostname);
  return chainShown({ ...options, socket: await route(options), host });
}

/** Whether the receiver's host, and the proxy if there is one, take connections. Nothing is sent. */
export async function isWayOpen(options: Omit<DialOptions, "identity">): Promise<boolean> {
  try {
    (await route(options)).destroy();
    return true;
  } catch {
    // Whatever it was: the way is not open.
    return false;
  }
}

/** A connection whose far end should be the receiver. */
async function route(options: Omit<DialOptions, "identity">): Promise<Socket> {
  const { receiverUrl, proxy, onStep } = options;
  const host = bareHost(receiverUrl.hostname);
  const port = receiverUrl.port === "" ? HTTPS_PORT : Number(receiverUrl.port);
  const onResolved = (): void => onStep?.("resolve");
  if (proxy === undefined) {
    const socket = await openTcp({ ...options, host, port, onResolved });
    onStep?.("connect");
    return socket;
  }
  const authorization = proxy.authorization();
  const socket = await openTcp({ ...options, ...proxy, onResolved }).catch(throwProxyAway);
  onStep?.("connect");
  const authority = `${receiverUrl.hostname}:${port}`;
  await connectThrough({ ...options, socket, authority, authorization });
  onStep?.("proxy");
  return socket;
}

/** The same faults, of another machine: whoever reads it must not look at the receiver's address. */
function throwProxyAway(error: unknown): never {
  if (!(error instanceof AgentError) || error.code === "TUNNEL_UNREACHABLE") throw error;
  const code = identifierFrom(error.code);
  throw new AgentError("TUNNEL_PROXY_UNREACHABLE", { code, ...error.facts }, { cause: error });
}

const isStranger = (error: unknown): error is AgentError =>
  error instanceof AgentError &&
  (error.code === "TUNNEL_INTERCEPTED" || error.code === "TUNNEL_CERT_SELF_SIGNED");

async function withIssuer(
  error: AgentError,
  options: DialOptions,
  host: string,
): Promise<AgentError> {
  try {
    const seen = await issuerShown({ ...options, socket: await route(options), host });
    return new AgentError(error.code, { ...error.facts, ...seen }, { cause: error });
  } catch {
    // Optional: who it was is not known then; what is wrong is.
    return error;
  }
}
