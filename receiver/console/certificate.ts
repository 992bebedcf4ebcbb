/** The certificate that a connection has shown. @module */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * SHA-256 of a certificate that an issuer of people's signed and that is in force; empty without one. A connection may
 * outlive its certificate: the handshake has looked at the times only once.
 *
 * @param nowMs by the receiver's clock
 */
export function shownCertificate(socket: Socket, nowMs: number): string {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return "";
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || certificate.validToDate.getTime() <= nowMs) return "";
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}
