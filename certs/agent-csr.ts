/**
 * A certificate request (PKCS#10, RFC 2986) of an agent: the key that it is for, and that whoever sent it
 * has that key. The names in it are not looked at: the receiver chooses them (07 1.3).
 *
 * It comes from whoever can reach the door, so it is read strictly, and by little code.
 *
 * @module
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { childrenOf, contentOf, type Element, oidOf, readDer, TAG } from "./der.ts";
import { CSR_MAX_BYTES } from "./exchange.ts";

const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  extensionRequest: "1.2.840.113549.1.9.14",
  basicConstraints: "2.5.29.19",
} as const;

export interface AgentCsr {
  readonly der: Uint8Array;
  /** Of {@link der}, lower-case hexadecimal. */
  readonly sha256Hex: string;
  /** On P-256. */
  readonly publicKey: KeyObject;
}

/** @returns null if it is refused: another kind of key, CA:TRUE, a bad self-signature, or no request */
export function readAgentCsr(der: Uint8Array): AgentCsr | null {
  if (der.length > CSR_MAX_BYTES) return null;
  try {
    return judge(der);
  } catch {
    // Not DER, or no key that OpenSSL can read: for whoever sent it all the same.
    return null;
  }
}

function judge(der: Uint8Array): AgentCsr | null {
  const [info, algorithm, signature, ...beside] = childrenOf(readDer(der), TAG.sequence);
  if (info === undefined || beside.length > 0) return null;
  const [version, , spki, ...attributes] = childrenOf(info, TAG.sequence);
  // RFC 2986 4.1: v1 is 0.
  if (!contentOf(version, TAG.integer).every((octet) => octet === 0)) return null;
  const publicKey = p256Of(spki);
  if (publicKey === null || attributes.some(asksForCa)) return null;
  const [oid, ...parameters] = childrenOf(algorithm, TAG.sequence);
  if (oidOf(oid) !== OID.ecdsaWithSha256 || parameters.length > 0) return null;
  const [unusedBits, ...bytes] = contentOf(signature, TAG.bitString);
  const isProven =
    unusedBits === 0 && verify("sha256", info.bytes, publicKey, Uint8Array.from(bytes));
  if (!isProven) return null;
  return { der, sha256Hex: createHash("sha256").update(der).digest("hex"), publicKey };
}

function p256Of(spki: Element | undefined): KeyObject | null {
  if (spki === undefined) return null;
  const key = createPublicKey({ key: Buffer.from(spki.bytes), format: "der", type: "spki" });
  const isP256 =
    key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return isP256 ? key : null;
}

/** Whoever asks to be a CA is not an agent of ours, though it would not become one. */
function asksForCa(attributes: Element): boolean {
  return childrenOf(attributes, TAG.context0).some((attribute) => {
    const [oid, values] = childrenOf(attribute, TAG.sequence);
    if (oidOf(oid) !== OID.extensionRequest) return false;
    return childrenOf(values, TAG.set)
      .flatMap((extensions) => childrenOf(extensions, TAG.sequence))
      .some((extension) => {
        const parts = childrenOf(extension, TAG.sequence);
        if (oidOf(parts[0]) !== OID.basicConstraints) return false;
        const constraints = readDer(contentOf(parts.at(-1), TAG.octetString));
        return childrenOf(constraints, TAG.sequence).length > 0;
      });
  });
}
