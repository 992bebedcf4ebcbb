/**
 * What the network, OpenSSL and Node call a failed connection, as codes of the catalogue. The one
 * place where such errors enter (08 PL3).
 *
 * @module
 */
import { AgentError, codeOf, type ErrorCode } from "../errors.ts";
import type { PhaseLimit } from "./phase-limit.ts";

const TCP: ReadonlyMap<string, ErrorCode> = new Map([
  ["ECONNREFUSED", "TUNNEL_TCP_REFUSED"],
  // Taken and cut at once: some firewalls refuse so.
  ["ECONNRESET", "TUNNEL_TCP_REFUSED"],
  ["ETIMEDOUT", "TUNNEL_TCP_TIMEOUT"],
  ["EHOSTUNREACH", "TUNNEL_TCP_NO_ROUTE"],
  ["EHOSTDOWN", "TUNNEL_TCP_NO_ROUTE"],
  ["ENETUNREACH", "TUNNEL_TCP_NO_ROUTE"],
  ["ENETDOWN", "TUNNEL_TCP_NO_ROUTE"],
  ["EADDRNOTAVAIL", "TUNNEL_TCP_NO_ROUTE"],
  ["EACCES", "TUNNEL_TCP_FORBIDDEN"],
  ["EPERM", "TUNNEL_TCP_FORBIDDEN"],
]);

/** Certificates of the far end that Node does not accept, by what OpenSSL says first. */
const CERTIFICATE: ReadonlyMap<string, ErrorCode> = new Map([
  ["CERT_HAS_EXPIRED", "TUNNEL_CERT_EXPIRED"],
  ["CERT_NOT_YET_VALID", "TUNNEL_CERT_NOT_YET_VALID"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "TUNNEL_CERT_WRONG_NAME"],
  ["HOSTNAME_MISMATCH", "TUNNEL_CERT_WRONG_NAME"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "TUNNEL_CERT_SELF_SIGNED"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "TUNNEL_INTERCEPTED"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "TUNNEL_INTERCEPTED"],
  ["UNABLE_TO_GET_ISSUER_CERT", "TUNNEL_INTERCEPTED"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "TUNNEL_INTERCEPTED"],
  // A CA with our CA's name and another key.
  ["CERT_SIGNATURE_FAILURE", "TUNNEL_INTERCEPTED"],
]);
const OTHER_CERTIFICATE = /^(?:CERT_|UNABLE_TO_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|ERR_TLS_CERT)/;
/** The far end answers in the clear: a web server or a portal on a port that should have TLS. */
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_)/;
/** RFC 8446 section 6.2: alerts about the certificate that *we* showed. They may come after the handshake. */
const OWN_CERTIFICATE =
  /_ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|ACCESS_DENIED)/;

/**
 * Why a step of the dial did not come to its end.
 *
 * @param late what it is called if its time was over
 * @param translate what it is called if it failed by itself
 */
export function stepFault(
  limit: PhaseLimit,
  cause: unknown,
  late: ErrorCode,
  translate: (cause: unknown) => AgentError,
): AgentError {
  if (limit.expired) return new AgentError(late, {}, { cause });
  // The dial was given up by ourselves.
  return limit.signal.aborted ? fault("TUNNEL_UNREACHABLE", cause) : translate(cause);
}

/** No address was found. */
export function nameFault(cause: unknown): AgentError {
  return fault(codeOf(cause) === "ENOTFOUND" ? "TUNNEL_NAME_UNKNOWN" : "TUNNEL_DNS_AWAY", cause);
}

/** An address was found, and no connection to it. */
export function tcpFault(cause: unknown): AgentError {
  return fault(TCP.get(codeOf(cause)) ?? "TUNNEL_UNREACHABLE", cause);
}

/** A connection was there, and no TLS on it that can be trusted. */
export function tlsFault(cause: unknown): AgentError {
  return fault(tlsCode(codeOf(cause)) ?? "TUNNEL_TLS_FAILED", cause);
}

/** TLS was there, and no websocket on it. */
export function upgradeFault(cause: unknown): AgentError {
  const sysCode = codeOf(cause);
  if (sysCode.startsWith("HPE_")) return fault("TUNNEL_NOT_A_RECEIVER", cause);
  return fault(tlsCode(sysCode) ?? "TUNNEL_UNREACHABLE", cause);
}

/** The proxy was there, and no way through it. */
export function proxyFault(cause: unknown): AgentError {
  const garbled = codeOf(cause).startsWith("HPE_");
  return fault(garbled ? "TUNNEL_PROXY_GARBLED" : "TUNNEL_PROXY_CLOSED", cause);
}

function tlsCode(sysCode: string): ErrorCode | undefined {
  if (OWN_CERTIFICATE.test(sysCode)) return "TUNNEL_CERT_REFUSED";
  if (NOT_TLS.test(sysCode)) return "TUNNEL_NOT_A_RECEIVER";
  const known = CERTIFICATE.get(sysCode);
  return known ?? (OTHER_CERTIFICATE.test(sysCode) ? "TUNNEL_PEER_UNTRUSTED" : undefined);
}

function fault(code: ErrorCode, cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  return new AgentError(code, { sysCode: codeOf(cause) }, { cause });
}
