/**
 * TLS on a listener: its files, the handshake, and what a handshake that failed was (03 C4).
 *
 * The listener takes a connection as it takes a plain one, so that source addresses and limits come first
 * (C1, C3), and hands the socket to `secure`, which gives back a socket of a peer that may send.
 *
 * @module
 */
import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { AgentError, codeOf, type Facts, type Identifier, identifierFrom } from "../../errors.ts";
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

export interface TlsMaterial {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly clientCaPem: readonly string[] | undefined;
  /** End of the server certificate's validity, ms since 1970. An expired one is loaded: that is an alarm. */
  readonly notAfterMs: number;
  /** SHA-256 of the server certificate, lower-case hexadecimal. */
  readonly fingerprint: Identifier;
}

type Part = "certificate" | "key" | "clientCa";
type Flaw =
  | "unreadable"
  | "noCertificate"
  | "damaged"
  | "exposed"
  | "ofAnotherCertificate"
  | "notUsable"
  | "noRoot"
  | "missing";

export type Secured =
  | { readonly kind: "secured"; readonly socket: TLSSocket; readonly name: Identifier | undefined }
  /** The connection is closed. `probe`: the peer came and left without a byte (03 C6). */
  | { readonly kind: "failed"; readonly fault: Identifier };

/** 03 C4: how many days before the end of the server's certificate an alarm opens. */
const EXPIRY_ALARM_DAYS = [60, 30, 7] as const;
export type ExpiryStage = "none" | "soon60" | "soon30" | "soon7" | "expired";

const DAY_MS = 86_400_000;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

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
    throw flawed("clientCa", "missing");
  }
  const certificatePem = read(tls.certificate, "certificate");
  const [certificate] = certificatesOf(certificatePem, "certificate");
  const privateKeyPem = read(tls.key, "key");
  refuseIfExposed(tls.key);
  const key = attempt("key", "damaged", () => createPrivateKey(privateKeyPem));
  if (certificate?.checkPrivateKey(key) !== true) throw flawed("key", "ofAnotherCertificate");
  const clientCaPem = tls.clientCa === undefined ? undefined : clientCaOf(tls.clientCa);
  const material = {
    certificatePem,
    privateKeyPem,
    clientCaPem,
    notAfterMs: certificate.validToDate.getTime(),
    fingerprint: fingerprintOf(certificate),
  };
  // What OpenSSL would refuse at the first connection, such as a key that is too short.
  attempt("certificate", "notUsable", () => createSecureContext(tlsServerOptions(material, tls)));
  return material;
}

/** Options for `tls.createServer`: TLS 1.2 or newer, nothing resumed, client certificates as configured. */
export function tlsServerOptions(material: TlsMaterial, tls: ListenerTls): TlsOptions {
  const { certificatePem, privateKeyPem, clientCaPem } = material;
  const required = tls.clientCertificate === "required";
  return {
    cert: certificatePem,
    key: privateKeyPem,
    // Without `ca` Node would trust the public CAs; then no certificate is asked for.
    ...(clientCaPem !== undefined && { ca: [...clientCaPem] }),
    requestCert: required || clientCaPem !== undefined,
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

/** Days until a certificate ends, those begun counted whole; 0 or less once it has ended. */
export function daysUntil(notAfterMs: number, nowMs: number): number {
  return Math.ceil((notAfterMs - nowMs) / DAY_MS);
}

/** Which of the alarms of 03 C4 is due, the latest one only. */
export function expiryStage(notAfterMs: number, nowMs: number): ExpiryStage {
  if (notAfterMs <= nowMs) return "expired";
  const days = daysUntil(notAfterMs, nowMs);
  const due = EXPIRY_ALARM_DAYS.findLast((limit) => days <= limit);
  return due === undefined ? "none" : `soon${due}`;
}

function read(file: string, part: Part): string {
  return attempt(part, "unreadable", () => readFileSync(file, "utf8"));
}

/** Every certificate of a file, at least one; private keys and comments beside them are passed over. */
function certificatesOf(pem: string, part: Part): readonly X509Certificate[] {
  const blocks = pem.match(PEM_CERTIFICATE);
  if (blocks === null) throw flawed(part, "noCertificate");
  return blocks.map((block) => attempt(part, "damaged", () => new X509Certificate(block)));
}

/** Node's TLS servers trust no chain that ends below a root (`allowPartialTrustChain` is not for them). */
function clientCaOf(file: string): readonly string[] {
  const certificates = certificatesOf(read(file, "clientCa"), "clientCa");
  if (!certificates.some(({ subject, issuer }) => subject === issuer)) {
    throw flawed("clientCa", "noRoot");
  }
  return certificates.map(String);
}

/** Where there are no user ids, on Windows, rights are an access list, which the installer sets (09). */
function refuseIfExposed(keyFile: string): void {
  if (process.getuid === undefined) return;
  const mode = attempt("key", "unreadable", () => statSync(keyFile).mode & 0o777);
  if ((mode & 0o077) !== 0) throw flawed("key", "exposed", { mode });
}

function attempt<T>(part: Part, flaw: Flaw, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw foreign(part, flaw, error);
  }
}

function foreign(part: Part, flaw: Flaw, cause: unknown): AgentError {
  return flawed(part, flaw, { sysCode: codeOf(cause) }, cause);
}

function flawed(part: Part, flaw: Flaw, more: Facts = {}, cause?: unknown): AgentError {
  const facts = { part: identifierFrom(part), reason: identifierFrom(flaw), ...more };
  return new AgentError("LISTEN_TLS_MATERIAL", facts, { cause });
}
