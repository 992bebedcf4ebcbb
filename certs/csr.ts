/**
 * A certificate request (PKCS#10, RFC 2986) for a P-256 key.
 *
 * Written with the ASN.1 writer of `node-forge` alone, from values that are made here, and signed by Node:
 * nothing of a stranger's is ever parsed (07, Libraries).
 *
 * @module
 */
import { type KeyObject, sign } from "node:crypto";
import asn1 from "node-forge/lib/asn1.js";

const { Class, Type } = asn1;
type Asn1 = ReturnType<typeof asn1.create>;
const COMMON_NAME = "2.5.4.3";
const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const PRIME256V1 = "1.2.840.10045.3.1.7";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
/** SEC 1 section 2.3.3: both coordinates follow. */
const UNCOMPRESSED = Buffer.from([4]);

/**
 * @param key the private key, P-256; the request is for its public half
 * @param commonName the one name in it; the receiver chooses the names of the certificate by itself
 * @returns DER
 */
export function certificateRequest(key: KeyObject, commonName: string): Uint8Array {
  const info = sequence(
    primitive(Type.INTEGER, Buffer.from([0])),
    subject(commonName),
    publicKeyInfo(key),
    // [0] IMPLICIT SET OF Attribute: none.
    asn1.create(Class.CONTEXT_SPECIFIC, 0, true, []),
  );
  const signature = sign("sha256", derOf(info), { key, dsaEncoding: "der" });
  return derOf(sequence(info, sequence(oid(ECDSA_WITH_SHA256)), bitString(signature)));
}

function subject(commonName: string): Asn1 {
  const value = primitive(Type.UTF8, Buffer.from(commonName, "utf8"));
  const attribute = sequence(oid(COMMON_NAME), value);
  return sequence(asn1.create(Class.UNIVERSAL, Type.SET, true, [attribute]));
}

function publicKeyInfo(key: KeyObject): Asn1 {
  const { crv, x = "", y = "" } = key.export({ format: "jwk" });
  if (crv !== "P-256") throw new RangeError("Cannot request a certificate for a key not on P-256");
  const coordinates = [x, y].map((one) => Buffer.from(one, "base64url"));
  const point = bitString(Buffer.concat([UNCOMPRESSED, ...coordinates]));
  return sequence(sequence(oid(EC_PUBLIC_KEY), oid(PRIME256V1)), point);
}

const sequence = (...parts: readonly Asn1[]): Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, parts);

const primitive = (type: number, value: Uint8Array): Asn1 =>
  asn1.create(Class.UNIVERSAL, type, false, Buffer.from(value).toString("latin1"));

/** Whole bytes: none of the last one's bits is unused. */
const bitString = (bytes: Uint8Array): Asn1 =>
  primitive(Type.BITSTRING, Buffer.concat([Buffer.from([0]), bytes]));

const oid = (name: string): Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(name).getBytes());

const derOf = (value: Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), "latin1");
