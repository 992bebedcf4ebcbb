import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { ed25519FromRaw, keyIdOf, rawOf } from "#documents/public-key.ts";
import { keyFrom } from "#test/support/signed-documents.ts";

const P = 2n ** 255n - 19n;

/** Little-endian, with the sign of x in the top bit. */
function encoded(y: bigint, sign: 0 | 1): Uint8Array {
  const hex = (y | (BigInt(sign) << 255n)).toString(16).padStart(64, "0");
  return new Uint8Array(Buffer.from(hex, "hex")).reverse();
}

/** The points of small order by another implementation: multiples of a point of order 8. */
function smallOrderPoints(): Uint8Array[] {
  const { Point } = ed25519;
  for (let y = 2n; ; y += 1n) {
    let point: InstanceType<typeof Point>;
    try {
      point = Point.fromBytes(encoded(y, 0));
    } catch {
      continue;
    }
    // By the order of the large subgroup: what is left is small.
    const { l, torsion } = { l: Point.Fn.ORDER, torsion: point };
    const small = torsion.multiplyUnsafe(l - 1n).add(torsion);
    const multiples = Array.from({ length: 8 }, (_, n) =>
      n === 0 ? Point.ZERO : small.multiplyUnsafe(BigInt(n)),
    );
    const found = new Set(multiples.map((multiple) => multiple.toHex()));
    if (found.size === 8) return [...found].map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
  }
}

test("[VT3, U17] each of the eight points of small order is refused, as a second implementation finds them", () => {
  const points = smallOrderPoints();
  assert.equal(points.length, 8);
  for (const raw of points) {
    assert.ok(ed25519.Point.fromBytes(raw).isSmallOrder());
    assert.equal(ed25519FromRaw(raw), undefined, Buffer.from(raw).toString("hex"));
  }
});

test("[VT3, U17] every encoding that is not canonical is refused: one point would be two keys", () => {
  for (let y = P; y < 2n ** 255n; y += 1n) {
    for (const sign of [0, 1] as const) assert.equal(ed25519FromRaw(encoded(y, sign)), undefined);
  }
  // x = 0 has no sign.
  for (const y of [1n, P - 1n]) assert.equal(ed25519FromRaw(encoded(y, 1)), undefined);
  assert.notEqual(ed25519FromRaw(encoded(P - 2n, 0)), undefined, "the largest that may be");
});

test("[VT3] for a key of small order a verifier that takes it believes one signature for any message", () => {
  const identity = encoded(1n, 0);
  // R = the identity, S = 0.
  const signature = Buffer.concat([identity, new Uint8Array(32)]);
  for (const text of ["anything", "anything else"]) {
    const message = new TextEncoder().encode(text);
    assert.ok(ed25519.verify(new Uint8Array(signature), message, identity, { zip215: true }));
  }
});

test("[V7, U17] OpenSSL refuses S + L: a signature has one form", () => {
  const { privateKey, raw } = keyFrom("any");
  const message = Buffer.from("message");
  const signature = sign(null, message, privateKey);
  const key = ed25519FromRaw(raw);
  assert.ok(key);
  assert.ok(verify(null, message, key, signature));
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
  const more = encoded(s + ed25519.Point.Fn.ORDER, 0);
  assert.ok(!verify(null, message, key, Buffer.concat([signature.subarray(0, 32), more])));
});

test("[VT3] a key has 32 bytes", () => {
  for (const length of [0, 31, 33, 64]) {
    assert.equal(ed25519FromRaw(new Uint8Array(length).fill(9)), undefined);
  }
});

test("a key comes back from its raw bytes; its id is their SHA-256", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = rawOf(publicKey);
  assert.deepEqual(rawOf(privateKey), raw);
  assert.ok(ed25519FromRaw(raw)?.equals(publicKey));
  // RFC 8032 7.1, test 1; the id by sha256sum.
  const known = Buffer.from(
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "hex",
  );
  assert.equal(keyIdOf(known), "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9");
});

test("[VT3] keys with either sign of x are taken", () => {
  const signs = new Set<number>();
  for (let index = 0; index < 16; index += 1) {
    const { raw } = keyFrom(`key ${index}`);
    signs.add((raw[31] ?? 0) >> 7);
    assert.ok(ed25519FromRaw(raw));
  }
  assert.equal(signs.size, 2);
});

test("only Ed25519 keys have raw bytes here", () => {
  const { publicKey } = generateKeyPairSync("ed448");
  assert.throws(() => rawOf(publicKey), TypeError);
});
