/**
 * A bundle for the eyes of support alone (08 5.4): whoever carries it cannot read it. Pure, but for the key and the nonce
 * that each seal makes for itself.
 *
 * ```
 * "HFSB1" ‖ header length u32 ‖ header, JSON ‖ tag 16 ‖ ciphertext
 * ```
 *
 * X25519 (RFC 7748) with an ephemeral key, HKDF-SHA-256 (RFC 5869) with both public keys as salt, AES-256-GCM with
 * everything before the tag as associated data. The header says, in clear, whose key opens it and the SHA-256 of the
 * plaintext, which stands in the hospital's audit, too.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { z } from "zod";

const MAGIC = Buffer.from("HFSB1");
const INFO = "holdfast-support/1";
const LENGTH_BYTES = 4;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const HEADER_MAX_BYTES = 4_096;
const CIPHER = "aes-256-gcm";

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const headerSchema = z.strictObject({
  format: z.literal("holdfast-sealed/1"),
  /** Public keys, raw. */
  supportKey: hex32,
  ephemeralKey: hex32,
  nonce: z.string().regex(/^[0-9a-f]{24}$/),
  /** Of the plaintext. */
  sha256: hex32,
  bytes: z.int().min(0),
});
export type SealedHeader = z.infer<typeof headerSchema>;

export type Opened =
  | { readonly kind: "opened"; readonly header: SealedHeader; readonly plain: Uint8Array }
  | { readonly kind: "unreadable"; readonly why: "noBundle" | "otherKey" | "altered" };

/**
 * @param supportKey X25519, raw, 64 hexadecimal digits
 * @throws if it is no key that anybody could hold
 */
export function sealForSupport(plain: Uint8Array, supportKey: string): Uint8Array {
  const ephemeral = generateKeyPairSync("x25519");
  const nonce = randomBytes(NONCE_BYTES);
  const header: SealedHeader = {
    ...{ format: "holdfast-sealed/1", supportKey, ephemeralKey: rawHex(ephemeral.publicKey) },
    ...{ nonce: nonce.toString("hex"), sha256: hash("sha256", plain), bytes: plain.length },
  };
  const secret = diffieHellman({
    privateKey: ephemeral.privateKey,
    publicKey: publicKeyOf(supportKey),
  });
  const begin = beginOf(Buffer.from(JSON.stringify(header)));
  const cipher = createCipheriv(CIPHER, keyOf(secret, header), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(begin);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return new Uint8Array(Buffer.concat([begin, cipher.getAuthTag(), sealed]));
}

/** @param privateKey X25519 @returns never throws, whatever the bytes are */
export function openForSupport(bytes: Uint8Array, privateKey: KeyObject): Opened {
  const found = readHeader(bytes);
  if (found === undefined) return { kind: "unreadable", why: "noBundle" };
  const { header, end } = found;
  if (rawHex(createPublicKey(privateKey)) !== header.supportKey) {
    return { kind: "unreadable", why: "otherKey" };
  }
  try {
    const publicKey = publicKeyOf(header.ephemeralKey);
    const key = keyOf(diffieHellman({ privateKey, publicKey }), header);
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv(CIPHER, key, Buffer.from(header.nonce, "hex"), options);
    decipher.setAAD(bytes.subarray(0, end));
    decipher.setAuthTag(bytes.subarray(end, end + TAG_BYTES));
    const rest = bytes.subarray(end + TAG_BYTES);
    const plain = new Uint8Array(Buffer.concat([decipher.update(rest), decipher.final()]));
    if (hash("sha256", plain) === header.sha256) return { kind: "opened", header, plain };
  } catch {
    // What is thrown says nothing that whoever opens it could use.
  }
  return { kind: "unreadable", why: "altered" };
}

/** What stands in clear before it; nothing of it is proven before it is opened. */
export function readHeader(
  bytes: Uint8Array,
): { readonly header: SealedHeader; readonly end: number } | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = MAGIC.length + LENGTH_BYTES;
  if (view.length < start || view.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) {
    return undefined;
  }
  const length = view.readUInt32BE(MAGIC.length);
  const end = start + length;
  if (length > HEADER_MAX_BYTES || view.length < end + TAG_BYTES) return undefined;
  try {
    const found = headerSchema.safeParse(JSON.parse(view.toString("utf8", start, end)));
    return found.success ? { header: found.data, end } : undefined;
  } catch {
    return undefined;
  }
}

function beginOf(header: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(header.length);
  return Buffer.concat([MAGIC, length, header]);
}

function keyOf(secret: Uint8Array, { ephemeralKey, supportKey }: SealedHeader): Buffer {
  const salt = Buffer.from(ephemeralKey + supportKey, "hex");
  return Buffer.from(hkdfSync("sha256", secret, salt, INFO, 32));
}

const publicKeyOf = (hex: string): KeyObject => {
  const x = Buffer.from(hex, "hex").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
};

const rawHex = (key: KeyObject): string =>
  Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("hex");
