/** TLS with the receiver: 1.3, both sides known by certificate, one CA (07 1.9). @module */
import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { stepFault, tlsFault } from "./dial-faults.ts";
import { PhaseLimit, type Waiting } from "./phase-limit.ts";

/** Whom we trust there, and what we show: nothing where a door asks for no certificate (07 1.8). */
export interface TlsIdentity {
  readonly receiverCaPem: string;
  readonly certificatePem?: string;
  readonly privateKeyPem?: string;
}

export interface SecureOptions extends Waiting {
  /** Connected, whether or not through a proxy. */
  readonly socket: Socket;
  /** Of `receiver.url`: what the certificate must name. */
  readonly host: string;
  readonly identity: TlsIdentity;
}

/**
 * Nothing but the handshake is sent before the receiver's certificate was verified.
 *
 * @throws {AgentError} `TUNNEL_TLS_…`, `TUNNEL_CERT_…`, `TUNNEL_INTERCEPTED`, `TUNNEL_PEER_UNTRUSTED`
 *   or `TUNNEL_NOT_A_RECEIVER`; the socket is closed
 */
export async function secure(options: SecureOptions): Promise<TLSSocket> {
  const { host, identity, socket } = options;
  // TLS on a socket that is gone would wait for its time to be over.
  if (socket.destroyed) throw tlsFault(undefined);
  using limit = new PhaseLimit(options);
  const secured = connect({
    socket,
    ...nameIn(host),
    ...TLS_1_3,
    ca: identity.receiverCaPem,
    ...shown(identity),
    // Written out: NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default (07 1.9).
    rejectUnauthorized: true,
  });
  secured.on("error", () => {});
  try {
    await once(secured, "secureConnect", { signal: limit.signal });
    return secured;
  } catch (cause) {
    secured.destroy();
    socket.destroy();
    throw stepFault(limit, cause, "TUNNEL_TLS_TIMEOUT", tlsFault);
  }
}

const shown = ({ certificatePem, privateKeyPem }: TlsIdentity) =>
  certificatePem === undefined ? {} : { cert: certificatePem, key: privateKeyPem };

export const TLS_1_3 = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const;

/** The server's name goes along for names only: RFC 6066 knows no addresses there. Both are verified. */
export const nameIn = (host: string) => ({
  host,
  ...(isIP(host) === 0 ? { servername: host } : {}),
});
