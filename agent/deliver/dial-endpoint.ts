/** Opens the connection to a hospital system, plain or over TLS, within a time (03 O8, C4). @module */
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { codeOf, type Identifier, identifierFrom } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import { refusalOfCertificate } from "../ingest/mllp/peer-certificate.ts";
import { handshakeFault } from "../ingest/mllp/tls-server.ts";
import type { EndpointSettings } from "./sender-settings.ts";
import { hasServerRules, type SenderTls, type SenderTlsMaterial } from "./sender-tls.ts";

export type Dialled =
  | { readonly kind: "open"; readonly socket: Socket }
  /** `timeout`, a code of the operating system or of OpenSSL, or why a certificate is not accepted. */
  | { readonly kind: "failed"; readonly reason: Identifier };

/** @param material of `settings.tls`; `undefined` for plain MLLP */
export function dialEndpoint(
  settings: EndpointSettings,
  material: SenderTlsMaterial | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<Dialled> {
  const { host, port, tls, connectTimeoutMs } = settings;
  const secured = tls !== undefined && material !== undefined;
  const socket = secured ? openTls(settings, tls, material) : connect({ host, port });
  // From its first moment (03 E6).
  socket.on("error", () => {});
  return new Promise((resolve) => {
    const end = (outcome: Dialled): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", abort);
      if (outcome.kind === "failed") socket.destroy();
      resolve(outcome);
    };
    const fail = (reason: Identifier): void => end({ kind: "failed", reason });
    const abort = (): void => fail(identifierFrom("stopping"));
    const limitMs = connectTimeoutMs + (tls?.handshakeTimeoutMs ?? 0);
    const timer = clock.after(limitMs, () => fail(identifierFrom("timeout")));
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => fail(secured ? handshakeFault(error) : codeOf(error)));
    socket.once("close", () => fail(identifierFrom("peerClosed")));
    socket.once(secured ? "secureConnect" : "connect", () => {
      const refusal = secured ? refusalOf(socket as TLSSocket, tls) : undefined;
      if (refusal === undefined) end({ kind: "open", socket });
      else fail(refusal);
    });
    if (signal.aborted) abort();
  });
}

function openTls(
  { host, port }: EndpointSettings,
  tls: SenderTls,
  { trustedPem, certificatePem, privateKeyPem }: SenderTlsMaterial,
): TLSSocket {
  const name = tls.serverName ?? host;
  return connectTls({
    host,
    port,
    // An address is no name that SNI may carry (RFC 6066 section 3); it is checked all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    minVersion: "TLSv1.2",
    ca: [...trustedPem],
    ...(certificatePem === undefined ? {} : { cert: certificatePem }),
    ...(privateKeyPem === undefined ? {} : { key: privateKeyPem }),
    // Written out: NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default (07 1.9).
    rejectUnauthorized: true,
    // Where subjects or pins say who it must be, they replace the name.
    checkServerIdentity: (_host, certificate) =>
      hasServerRules(tls) ? undefined : checkServerIdentity(name, certificate),
  });
}

function refusalOf(socket: TLSSocket, tls: SenderTls): Identifier | undefined {
  if (!hasServerRules(tls)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return identifierFrom("noCertificate");
  const refusal = refusalOfCertificate(certificate, tls);
  return refusal === undefined ? undefined : identifierFrom(refusal);
}
