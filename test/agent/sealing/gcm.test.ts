import assert from "node:assert/strict";
import { createCipheriv, createSecretKey, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { decrypt, encryptInto, lengthPrefixed } from "#agent/sealing/gcm.ts";

const hex = (text: string): Buffer => Buffer.from(text, "hex");

describe("AES-256-GCM", () => {
  test("[S21] gives the ciphertext and the tag of the published test case, whatever the parts", () => {
    // Test case 16 of McGrew and Viega, The Galois/Counter Mode of Operation, appendix B.
    const context = {
      key: createSecretKey(hex("feffe9928665731c6d6a8f9467308308".repeat(2))),
      nonce: hex("cafebabefacedbaddecaf888"),
      aad: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    };
    const plaintext = hex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    const ciphertext = hex(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    );
    for (let cut = 0; cut <= plaintext.length; cut++) {
      const target = Buffer.alloc(3 + plaintext.length);
      const parts = [plaintext.subarray(0, cut), plaintext.subarray(cut)];
      const tag = encryptInto(target, 3, parts, context);
      assert.equal(tag.toString("hex"), "76fc6ece0f4e1768cddf8853bb2d551b");
      assert.ok(target.subarray(3).equals(ciphertext), `cut at ${cut}`);
      assert.deepEqual([...target.subarray(0, 3)], [0, 0, 0]);
      assert.ok(decrypt(target.subarray(3), tag, context)?.equals(plaintext));
    }
  });

  test("[R03] a tag of any length but 16 is refused, though it begins as the right one does", () => {
    const context = {
      key: createSecretKey(randomBytes(32)),
      nonce: randomBytes(12),
      aad: hex("01"),
    };
    const target = Buffer.alloc(20);
    const tag = encryptInto(target, 0, [randomBytes(20)], context);
    for (const length of [0, 4, 8, 12, 13, 14, 15]) {
      assert.equal(decrypt(target, tag.subarray(0, length), context), undefined, `${length} bytes`);
    }
    assert.equal(decrypt(target, Buffer.concat([tag, tag]), context), undefined);
    assert.ok(decrypt(target, tag, context));
    for (const authTagLength of [4, 12]) {
      const cipher = createCipheriv("aes-256-gcm", context.key, context.nonce, { authTagLength });
      cipher.setAAD(context.aad);
      const short = Buffer.concat([cipher.update("text"), cipher.final()]);
      assert.equal(decrypt(short, cipher.getAuthTag(), context), undefined);
    }
  });

  test("[R03] a changed key, nonce or associated datum does not open", () => {
    const context = {
      key: createSecretKey(randomBytes(32)),
      nonce: randomBytes(12),
      aad: hex("01"),
    };
    const target = Buffer.alloc(4);
    const tag = encryptInto(target, 0, [hex("00010203")], context);
    const changed = [
      { ...context, key: createSecretKey(randomBytes(32)) },
      { ...context, nonce: randomBytes(12) },
      { ...context, aad: hex("0100") },
      { ...context, aad: hex("") },
    ];
    for (const other of changed) assert.equal(decrypt(target, tag, other), undefined);
  });

  test("[R02] parts of associated data cannot be shifted into each other", () => {
    assert.equal(
      lengthPrefixed(hex("0102"), hex(""), hex("03")).toString("hex"),
      "000201020000000103",
    );
    assert.notDeepEqual(
      lengthPrefixed(hex("01"), hex("0203")),
      lengthPrefixed(hex("0102"), hex("03")),
    );
  });
});
