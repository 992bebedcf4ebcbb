/**
 * TLS on a listener: its files, the handshake, and what a handshake that failed was (03 C4).
 *
 * The listener takes a connection as it takes a plain one, so that source addresses and limits come first
 * (C1, C3), and hands the socket to `secure`, which gives back a socket of a peer that may send.
 *
 * @module
 */
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { codeOf, type Identifier, identifierFrom } from "../../errors.ts";
import type { WatchedMaterial } from "../../health/watched-certificate.ts";
import { TlsFileReader } from "../../host/tls-file-reader.ts";
import {
  fingerprintOf,
  hasRules,
  type PeerRules,
  peerName,
  refusalOfPeer,
  trustFault,
} from "./peer-certificate.ts";

/** The `tls` block of a channel; paths are absolute, files are PEM. */
export interface ListenerTls extends PeerRules {
  /** The server's certificate first, then what chains it to the CA that senders trust. */
  readonly certificate: string;
  readonly key: string;
  readonly handshakeTimeoutMs: number;
}

export interface TlsMaterial extends WatchedMaterial {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfterMs: number;
  /** SHA-256 of the server certificate, lower-case hexadecimal. */
  readonly fingerprint: Identifier;
}

export type Secured =
  | { readonly kind: "secured"; readonly socket: TLSSocket; readonly name: Identifier | undefined }
  /** The connection is closed. `probe`: the peer came and left without a byte (03 C6). */
  | { readonly kind: "failed"; readonly fault: Identifier };

const FILES = new TlsFileReader("LISTEN_TLS_MATERIAL");

/** What OpenSSL and Node call it, and what it is. */
const HANDSHAKE_FAULTS = new Map([
  ["ERR_SSL_WRONG_VERSION_NUMBER", "plainPeer"],
  ["ERR_SSL_HTTP_REQUEST", "plainPeer"],
  ["ERR_SSL_HTTPS_PROXY_REQUEST", "plainPeer"],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "peerWithoutCertificate"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "peerTooOld"],
  ["ERR_SSL_VERSION_TOO_LOW", "peerTooOld"],
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "handshakeTimeout"],
  ["ECONNRESET", "peerLeft"],
  ["EPIPE", "peerLeft"],
]);
/** RFC 8446 section 6.2: the peer does not accept the certificate that we showed. */
const CERTIFICATE_ALERT =
  /_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(UNKNOWN|EXPIRED|REVOKED))$/;

/**
 * Reads the files of a listener and checks that they can serve.
 *
 * A client CA is also needed where subjects or pins are given: without one nobody would be let in.
 *
 * @throws {AgentError} `LISTEN_TLS_MATERIAL` with `part`, `reason` and, where there is one, `sysCode`
 */
export function loadTlsMaterial(tls: ListenerTls): TlsMaterial {
  if (tls.clientCa === undefined && (tls.clientCertificate === "required" || hasRules(tls))) {
    throw FILES.flawed("clientCa", "missing");
  }
  const { certificate, ...pair } = FILES.certifiedKey(tls.certificate, tls.key);
  const material = {
    ...pair,
    trustedPem: tls.clientCa === undefined ? undefined : clientCaOf(tls.clientCa),
    notAfterMs: certificate.validToDate.getTime(),
    fingerprint: fingerprintOf(certificate),
  };
  FILES.probe(tlsServerOptions(material, tls));
  return material;
}

/** Options for `tls.createServer`: TLS 1.2 or newer, nothing resumed, client certificates as configured. */
export function tlsServerOptions(material: TlsMaterial, tls: ListenerTls): TlsOptions {
  const { certificatePem, privateKeyPem, trustedPem } = material;
  const required = tls.clientCertificate === "required";
  return {
    cert: certificatePem,
    key: privateKeyPem,
    // Without `ca` Node would trust the public CAs; then no certificate is asked for.
    ...(trustedPem !== undefined && { ca: [...trustedPem] }),
    requestCert: required || trustedPem !== undefined,
    // Otherwise `refusalOfPeer` decides: a certificate that nobody vouches for is no "optional".
    rejectUnauthorized: required,
    minVersion: "TLSv1.2",
    // A resumed session would skip the certificate, a renegotiated one could change it.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
    handshakeTimeout: tls.handshakeTimeoutMs,
  };
}

/**
 * Performs the handshake on an accepted connection that has not been read from, and decides on the peer.
 *
 * Destroying `raw` meanwhile ends it with `failed`. A secured socket is half-open like a plain one: after the
 * peer's FIN a reply can still be written. It has a handler for errors and has not been read from.
 *
 * @param done called once; listeners for data are to be added before it returns
 */
export function secure(
  raw: Socket,
  material: TlsMaterial,
  tls: ListenerTls,
  done: (outcome: Secured) => void,
): void {
  // Half-open, a peer that leaves during the handshake would be noticed only by the timeout.
  raw.allowHalfOpen = false;
  // A server for each connection: `tlsClientError` does not say whose it is, its socket has no address left.
  const server = createServer(tlsServerOptions(material, tls));
  server.once("tlsClientError", (error, socket) => {
    const probe = raw.bytesRead === 0 && codeOf(error) === "ECONNRESET";
    // After a timeout it is still open.
    socket.destroy();
    const fault = probe ? identifierFrom("probe") : handshakeFault(error, socket);
    done({ kind: "failed", fault });
  });
  server.once("secureConnection", (socket) => {
    socket.on("error", () => {});
    const refusal = refusalOfPeer(socket, tls);
    if (refusal === undefined) {
      socket.allowHalfOpen = true;
      done({ kind: "secured", socket, name: peerName(socket) });
      return;
    }
    socket.destroy();
    done({ kind: "failed", fault: identifierFrom(refusal) });
  });
  server.emit("connection", raw);
}

/**
 * What a failed handshake was.
 *
 * @param error of `tlsClientError`
 * @param socket of the same event: of a certificate that is not trusted only it knows
 * @returns `plainPeer` (it does not speak TLS), `peerWithoutCertificate`, `peerUntrusted`,
 *   `peerCertificateExpired`, `peerTooOld` (TLS 1.1 or older), `peerDistrustsUs` (it refused our certificate),
 *   `handshakeTimeout`, `peerLeft`; otherwise OpenSSL's or the operating system's code
 */
export function handshakeFault(
  error: unknown,
  socket: { readonly authorizationError?: unknown } = {},
): Identifier {
  const { authorizationError } = socket;
  if (typeof authorizationError === "string") return identifierFrom(trustFault(authorizationError));
  // OpenSSL 3 has a slash in it: ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE.
  const text = String((error as { code?: unknown } | null)?.code).replaceAll("/", "_");
  if (CERTIFICATE_ALERT.test(text)) return identifierFrom("peerDistrustsUs");
  const code = codeOf({ code: text === "undefined" ? "unknown" : text });
  return identifierFrom(HANDSHAKE_FAULTS.get(code) ?? code);
}

/** Node's TLS servers trust no chain that ends below a root (`allowPartialTrustChain` is not for them). */
function clientCaOf(file: string): readonly string[] {
  const certificates = FILES.certificates(file, "clientCa");
  if (!certificates.some(({ subject, issuer }) => subject === issuer)) {
    throw FILES.flawed("clientCa", "noRoot");
  }
  return certificates.map(String);
}
