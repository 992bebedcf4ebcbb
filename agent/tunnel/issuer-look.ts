/**
 * Who issued the certificate that was shown in place of the receiver's (07 1.10), so that a network
 * team recognises its own device.
 *
 * This look is the only code in the agent that accepts any certificate: it writes no byte but the
 * handshake's, shows no certificate of ours, and what it saw is only shown (07 EN2).
 *
 * @module
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { type Facts, identifierFrom } from "../errors.ts";
import { PhaseLimit, type Waiting } from "./phase-limit.ts";
import { nameIn, TLS_1_3 } from "./secure.ts";

const SHOWN_MAX_CHARACTERS = 64;
/** A chain that a stranger sent: no longer than one that makes sense. */
const CHAIN_MAX_LENGTH = 10;

/**
 * @param socket connected, and used for nothing else; closed afterwards
 * @returns `issuer`: the issuer's common name, every character that could be anything but a name
 *   replaced; `fingerprint`: SHA-256 of the last certificate of the chain, lower-case hexadecimal.
 *   No facts if there was nothing to see
 */
export async function issuerShown(
  options: Waiting & { readonly socket: Socket; readonly host: string },
): Promise<Facts> {
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
    return factsOf(socket.getPeerCertificate(true));
  } catch {
    // Optional: the dial has failed already, and its own error is the one that counts.
    return {};
  } finally {
    socket.destroy();
    options.socket.destroy();
  }
}

function factsOf(leaf: DetailedPeerCertificate): Facts {
  const { issuer } = leaf;
  const name = String(issuer?.CN ?? issuer?.O ?? "");
  const shown = name.replaceAll(/[^A-Za-z0-9.-]+/g, "_").slice(0, SHOWN_MAX_CHARACTERS);
  let last = leaf;
  for (let length = 1; length < CHAIN_MAX_LENGTH; length++) {
    const above = last.issuerCertificate;
    if (above === undefined || above.fingerprint256 === last.fingerprint256) break;
    last = above;
  }
  const fingerprint = identifierFrom(last.fingerprint256.replaceAll(":", "").toLowerCase());
  return { issuer: identifierFrom(shown === "" ? "unnamed" : shown), fingerprint };
}
