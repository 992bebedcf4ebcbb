/** PAE against the published vectors, a second implementation, and openssl. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dsse } from "@sigstore/core";
import fc from "fast-check";
import { readEnvelope, writeEnvelope } from "#documents/envelope.ts";
import { preAuthEncoding } from "#documents/pae.ts";
import { bytesToSign, withAttached } from "#documents/sign.ts";
import { verifyDocument } from "#documents/verify.ts";
import { CONFIG_ROLE, config, KEYS, RECIPIENT, signed } from "#test/support/signed-documents.ts";

/** The example of DSSE's protocol.md, and the vectors of the Go implementation beside it. */
const VECTORS = [
  [
    "http://example.com/HelloWorld",
    "hello world",
    "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
  ],
  ["http://example.com/HelloWorld", "ಠ", "DSSEv1 29 http://example.com/HelloWorld 3 ಠ"],
  ["", "", "DSSEv1 0  0 "],
] as const;

for (const [type, payload, expected] of VECTORS) {
  test(`[V7] the published vector ${JSON.stringify(expected)}`, () => {
    const bytes = preAuthEncoding(type, Buffer.from(payload));
    assert.equal(Buffer.from(bytes).toString("utf8"), expected);
  });
}

test("[V7] any type and payload, as @sigstore/core has it (which takes types of one byte a character)", () => {
  const ascii = fc.string({ unit: "binary-ascii" });
  fc.assert(
    fc.property(ascii, fc.uint8Array({ maxLength: 300 }), (type, payload) => {
      const theirs = dsse.preAuthEncoding(type, Buffer.from(payload));
      assert.deepEqual(Buffer.from(preAuthEncoding(type, payload)), theirs);
    }),
  );
});

test("[V7] a type is counted in bytes", () => {
  assert.equal(Buffer.from(preAuthEncoding("é", new Uint8Array())).toString(), "DSSEv1 2 é 0 ");
});

test("[V7] openssl verifies our signatures over the PAE, and we verify those that openssl makes", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pae-"));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  try {
    const [first, second] = KEYS.config;
    const envelope = readEnvelope(signed("config", config(), [first]), "config");
    assert.ok(!("kind" in envelope));
    const [ours] = envelope.signatures;
    assert.ok(ours);
    writeFileSync(file("pae"), bytesToSign(envelope));
    writeFileSync(file("ours.sig"), ours.signature);
    const publicPem = createPublicKey(first.privateKey).export({ format: "pem", type: "spki" });
    writeFileSync(file("first.pem"), publicPem);
    const input = ["-rawin", "-in", file("pae")];
    const said = openssl(
      ...["pkeyutl", "-verify", "-pubin", "-inkey", file("first.pem"), ...input],
      ...["-sigfile", file("ours.sig")],
    );
    assert.match(said, /Verified Successfully/);

    writeFileSync(file("second.key"), second.privateKey.export({ format: "pem", type: "pkcs8" }), {
      mode: 0o600,
    });
    openssl("pkeyutl", "-sign", "-inkey", file("second.key"), ...input, "-out", file("their.sig"));
    const both = withAttached(envelope, second.raw, readFileSync(file("their.sig")));
    const question = { type: "config", role: CONFIG_ROLE, recipient: RECIPIENT } as const;
    const verified = verifyDocument({ ...question, envelope: writeEnvelope(both) });
    assert.equal(verified.kind, "verified");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("[V7] what is verified is the PAE: a signature over the payload alone is none", () => {
  const [first] = KEYS.config;
  const envelope = readEnvelope(signed("config", config(), [first]), "config");
  assert.ok(!("kind" in envelope));
  const [signature] = envelope.signatures;
  assert.ok(signature);
  const key = createPublicKey(first.privateKey);
  assert.ok(verify(null, bytesToSign(envelope), key, signature.signature));
  assert.ok(!verify(null, envelope.payload, key, signature.signature));
});
