/** A bundle opens with the support key alone, and as it was sealed alone (08 5.4). */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { openForSupport, readHeader, sealForSupport } from "#documents/support-seal.ts";

const rawHex = (key: KeyObject): string =>
  Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("hex");

const pair = generateKeyPairSync("x25519");
const other = generateKeyPairSync("x25519");
const PLAIN = Buffer.from("what support may read\n");

test("[08 5.4] the holder of the support key opens it; its header names the digest, and nothing else in clear", () => {
  const sealed = sealForSupport(PLAIN, rawHex(pair.publicKey));
  const opened = openForSupport(sealed, pair.privateKey);
  assert.equal(opened.kind, "opened");
  if (opened.kind === "opened") assert.deepEqual(Buffer.from(opened.plain), PLAIN);
  assert.equal(readHeader(sealed)?.header.bytes, PLAIN.length);
  assert.equal(Buffer.from(sealed).indexOf(PLAIN), -1);
  assert.notDeepEqual(sealForSupport(PLAIN, rawHex(pair.publicKey)), sealed, "a key for each");
  const byOther = openForSupport(sealed, other.privateKey);
  assert.deepEqual(byOther, { kind: "unreadable", why: "otherKey" });
});

test("[08 5.4] one flipped bit anywhere, a shorter one, or no bundle at all does not open, and nothing is thrown", () => {
  const sealed = sealForSupport(PLAIN, rawHex(pair.publicKey));
  for (let at = 0; at < sealed.length; at++) {
    const flipped = new Uint8Array(sealed);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    assert.equal(openForSupport(flipped, pair.privateKey).kind, "unreadable", `byte ${at}`);
    const cut = openForSupport(sealed.subarray(0, at), pair.privateKey);
    assert.equal(cut.kind, "unreadable", `cut at ${at}`);
  }
});

test("[08 5.4] to a key that nobody can hold nothing is sealed", () => {
  assert.throws(() => sealForSupport(PLAIN, "0".repeat(64)));
  assert.throws(() => sealForSupport(PLAIN, "01".padEnd(64, "0")));
});
