/**
 * Which certificates are shown where the receiver should be: to find its CA among them at enrolment (07 EN2), and
 * so that a network team recognises its own device (07 1.10).
 *
 * This look is the only code in the agent that accepts any certificate: it writes no byte but the
 * handshake's, shows no certificate of ours, and what it saw is only shown, or compared with a digest.
 *
 * @module
 */
import { hash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { type Facts, identifierFrom } from "../errors.ts";
import { stepFault, tlsFault } from "./dial-faults.ts";
import { PhaseLimit, type Waiting } from "./phase-limit.ts";
import { nameIn, TLS_1_3 } from "./secure.ts";

const SHOWN_MAX_CHARACTERS = 64;
/** A chain that a stranger sent: no longer than one that makes sense. */
const CHAIN_MAX_LENGTH = 10;

/** Not verified by anything. */
export interface ShownCertificate {
  readonly pem: string;
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly spkiSha256: string;
  /** SHA-256 of the whole, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** The issuer's common name, safe to print: every character that could be anything but a name replaced. */
  readonly issuer: string;
}

export interface LookOptions extends Waiting {
  /** Connected, and used for nothing else; closed afterwards. */
  readonly socket: Socket;
  readonly host: string;
}

/**
 * @returns at least one certificate, leaf first
 * @throws {AgentError} `TUNNEL_TLS_…` or `TUNNEL_NOT_A_RECEIVER` if there was no TLS
 */
export async function chainShown(options: LookOptions): Promise<readonly ShownCertificate[]> {
  using limit = new PhaseLimit(options);
  const socket = connect({
    socket: options.socket,
    ...nameIn(options.host),
    ...TLS_1_3,
    rejectUnauthorized: false,
  });
  socket.on("error", () => {});
  try {
    await once(socket, "secureConnect", { signal: limit.signal });
    return chainOf(socket.getPeerCertificate(true));
  } catch (cause) {
    throw stepFault(limit, cause, "TUNNEL_TLS_TIMEOUT", tlsFault);
  } finally {
    socket.destroy();
    options.socket.destroy();
  }
}

/**
 * @returns `issuer`: who issued the first certificate; `fingerprint`: that of the last. No facts if there
 *   was nothing to see
 */
export async function issuerShown(options: LookOptions): Promise<Facts> {
  try {
    return issuerFacts(await chainShown(options));
  } catch {
    // Optional: the dial has failed already, and its own error is the one that counts.
    return {};
  }
}

/** As `issuerShown` has them. */
export function issuerFacts(chain: readonly ShownCertificate[]): Facts {
  const [leaf, last] = [chain[0], chain.at(-1)];
  if (leaf === undefined || last === undefined) return {};
  return {
    issuer: identifierFrom(leaf.issuer),
    fingerprint: identifierFrom(last.fingerprint),
  };
}

function chainOf(leaf: DetailedPeerCertificate): readonly ShownCertificate[] {
  const chain = [shownOf(leaf)];
  let last = leaf;
  while (chain.length < CHAIN_MAX_LENGTH) {
    const above = last.issuerCertificate;
    if (above === undefined || above.fingerprint256 === last.fingerprint256) break;
    chain.push(shownOf(above));
    last = above;
  }
  return chain;
}

function shownOf({ raw, issuer }: DetailedPeerCertificate): ShownCertificate {
  const certificate = new X509Certificate(raw);
  const spki = certificate.publicKey.export({ format: "der", type: "spki" });
  const name = String(issuer?.CN ?? issuer?.O ?? "");
  const shown = name.replaceAll(/[^A-Za-z0-9.-]+/g, "_").slice(0, SHOWN_MAX_CHARACTERS);
  return {
    pem: certificate.toString(),
    spkiSha256: hash("sha256", spki, "hex"),
    fingerprint: hash("sha256", raw, "hex"),
    issuer: shown === "" ? "unnamed" : shown,
  };
}
