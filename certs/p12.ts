/**
 * An identity in a PKCS#12 file (RFC 7292), as other programs export it.
 *
 * `node-forge` takes it apart, in a short-lived command alone; what comes out is parsed again by Node, and nothing else
 * is believed (07, Libraries). Nothing of it verifies, and none of its TLS, chains or signatures is used.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import asn1 from "node-forge/lib/asn1.js";
import pkcs12 from "node-forge/lib/pkcs12.js";

/** More is no identity. */
export const P12_MAX_BYTES = 262_144;

export type P12Result =
  | { readonly kind: "read"; readonly key: KeyObject; readonly chainPem: string }
  /** `file`: not PKCS#12, damaged, or encrypted with another password. */
  | {
      readonly kind: "refused";
      readonly flaw: "file" | "keys" | "rsa" | "notP256" | "certificate";
    };

/** Bags of RFC 7292 section 4.2. */
const KEY_BAG = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2";
const CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3";

/**
 * Takes out the one key, and the certificates, its own first.
 *
 * @param p12 at most {@link P12_MAX_BYTES}
 */
export function readP12(p12: Uint8Array, password: string): P12Result {
  const bags = p12.length > P12_MAX_BYTES ? undefined : bagsOf(p12, password);
  if (bags === undefined) return refused("file");
  const [keyBag, ...moreKeys] = [...bags.of(SHROUDED_KEY_BAG), ...bags.of(KEY_BAG)];
  if (keyBag === undefined || moreKeys.length > 0) return refused("keys");
  // What the library understands itself is RSA; anything else it hands over as it is.
  if (keyBag.asn1 === undefined) return refused("rsa");
  const key = parsed(() =>
    createPrivateKey({ key: derOf(keyBag.asn1), format: "der", type: "pkcs8" }),
  );
  const isP256 = key?.asymmetricKeyDetails?.namedCurve === "prime256v1";
  if (key === undefined || !isP256) return refused("notP256");
  const certificates = bags.of(CERTIFICATE_BAG).flatMap(({ asn1: value }) => {
    const one = value === undefined ? undefined : parsed(() => new X509Certificate(derOf(value)));
    return one === undefined ? [] : [one];
  });
  const own = certificates.find((one) => one.checkPrivateKey(key));
  if (own === undefined) return refused("certificate");
  const others = certificates.filter((one) => one !== own);
  return { kind: "read", key, chainPem: [own, ...others].map(String).join("") };
}

function bagsOf(p12: Uint8Array, password: string) {
  return parsed(() => {
    const value = asn1.fromDer(Buffer.from(p12).toString("latin1"), false);
    const content = pkcs12.pkcs12FromAsn1(value, false, password);
    return { of: (bagType: string) => content.getBags({ bagType })[bagType] ?? [] };
  });
}

const derOf = (value: Parameters<typeof asn1.toDer>[0] | undefined): Buffer =>
  value === undefined ? Buffer.alloc(0) : Buffer.from(asn1.toDer(value).getBytes(), "latin1");

/** What it throws are texts about the inside of a file: none of them is told. */
function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

const refused = (flaw: Extract<P12Result, { kind: "refused" }>["flaw"]): P12Result => ({
  kind: "refused",
  flaw,
});
