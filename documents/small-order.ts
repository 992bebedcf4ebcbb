/**
 * Public keys that would vouch for anything: points of small order, and points in an encoding that is not
 * their own (07 VT3).
 *
 * For a key of order 1, 2, 4 or 8 one signature fits many messages. OpenSSL 3.5 believes no signature of
 * such a key, other verifiers do; a document that names one is wrong for all. The list has every canonical
 * encoding; others are refused with all encodings that are not canonical, by which one point would be two keys.
 *
 * @see RFC 8032 5.1.3; the list is checked against a second implementation of the curve in the tests
 * @module
 */

/** Eight points as little-endian y and the sign of x in the top bit, without that bit. */
const SMALL_ORDER_Y = [
  // Order 4: y = 0, either sign.
  "0000000000000000000000000000000000000000000000000000000000000000",
  // Order 1: y = 1.
  "0100000000000000000000000000000000000000000000000000000000000000",
  // Order 8, either sign.
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  // Order 2: y = p - 1.
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
/** p = 2^255 - 19, big-endian. */
const FIELD_PRIME = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
const KEY_BYTES = 32;

/** @param raw 32 bytes of a public key as RFC 8032 encodes it */
export function isUnusablePoint(raw: Uint8Array): boolean {
  const y = new Uint8Array(raw);
  y[KEY_BYTES - 1] = (y[KEY_BYTES - 1] ?? 0) & 0x7f;
  const isCanonical = Buffer.from(y.toReversed()).toString("hex") < FIELD_PRIME;
  return !isCanonical || SMALL_ORDER_Y.includes(Buffer.from(y).toString("hex"));
}
