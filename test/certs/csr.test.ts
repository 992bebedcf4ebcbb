import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { certificateRequest } from "#certs/csr.ts";

function openssl(
  der: Uint8Array,
  ...args: readonly string[]
): { status: number | null; said: string } {
  const command = ["req", "-inform", "DER", "-noout", ...args];
  const { status, stdout, stderr } = spawnSync("openssl", command, { input: der });
  return { status, said: `${stdout}${stderr}` };
}

test("[EN4] OpenSSL verifies the request, and finds the common name and the key in it", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const der = certificateRequest(privateKey, "ward-1");
  const verified = openssl(der, "-verify", "-subject", "-text");
  assert.equal(verified.status, 0, verified.said);
  assert.match(verified.said, /verify OK/);
  assert.match(verified.said, /subject=CN\s?=\s?ward-1/);
  assert.match(verified.said, /Version: 1 \(0x0\)/);
  assert.match(verified.said, /ASN1 OID: prime256v1/);
  assert.match(verified.said, /Signature Algorithm: ecdsa-with-SHA256/);
  const pem = openssl(der, "-pubkey").said;
  assert.ok(createPublicKey(pem).equals(publicKey));
});

test("[EN4] one altered bit of the request does not verify", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const der = Buffer.from(certificateRequest(privateKey, "ward-1"));
  const at = der.indexOf("ward-1");
  der[at] = (der[at] ?? 0) ^ 1;
  const { said } = openssl(der, "-verify");
  assert.doesNotMatch(said, /verify OK/);
});

test("[EN4] a coordinate that begins with zeros is whole", () => {
  for (;;) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    // One key in 128.
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    if (![x, y].some((one) => Buffer.from(one, "base64url")[0] === 0)) continue;
    const der = certificateRequest(privateKey, "ward-1");
    assert.match(openssl(der, "-verify").said, /verify OK/);
    assert.ok(createPublicKey(openssl(der, "-pubkey").said).equals(publicKey));
    return;
  }
});

test("[EN4] a key of another kind is a caller's mistake", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
  assert.throws(() => certificateRequest(privateKey, "ward-1"), RangeError);
});
