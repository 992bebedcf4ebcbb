/** Private keys: who can read them, what opens them, and keys that are elsewhere. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { verifyDocument } from "#documents/verify.ts";
import { KEYS, RECIPIENT, role } from "#test/support/signed-documents.ts";
import { configYaml, SigningDesk, trustYaml } from "#test/support/signing-desk.ts";

function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

test("keygen: a private key of mode 0600 that a passphrase opens, here and in openssl; nothing is overwritten", async () => {
  using desk = await SigningDesk.open();
  writeFileSync(desk.path("pass"), "correct horse\n", { mode: 0o600 });
  const said = await desk.sign("keygen", "--out", "erika", "--passphrase-file", "pass");
  assert.equal(statSync(desk.path("erika.key.pem")).mode & 0o777, 0o600);
  assert.match(Buffer.from(desk.read("erika.key.pem")).toString(), /BEGIN ENCRYPTED PRIVATE KEY/);
  const key = desk.path("erika.key.pem");
  const shown = openssl("pkey", "-in", key, "-passin", `file:${desk.path("pass")}`, "-pubout");
  assert.equal(shown, Buffer.from(desk.read("erika.pub.pem")).toString());
  // SubjectPublicKeyInfo ends in the 32 bytes of the key (RFC 8410).
  const der = createPublicKey(shown).export({ format: "der", type: "spki" });
  const hex = der.subarray(-32).toString("hex");
  assert.match(said, new RegExp(`^in hex {7}${hex}$`, "m"));
  const again = await desk.run("keygen", "--out", "erika", "--no-passphrase");
  assert.deepEqual([again.status, /FILE_EXISTS/.test(again.stderr)], [73, true]);

  desk.write("config.yaml", configYaml());
  await desk.sign("config", "config.yaml", "--out", "c.json");
  const add = ["add", "c.json", "--key", "erika.key.pem"];
  const unasked = await desk.run(...add);
  assert.deepEqual([unasked.status, /PASSPHRASE_MISSING/.test(unasked.stderr)], [64, true]);
  writeFileSync(desk.path("wrong"), "battery staple", { mode: 0o600 });
  const wrong = await desk.run(...add, "--passphrase-file", "wrong");
  assert.deepEqual([wrong.status, /KEY_LOCKED/.test(wrong.stderr)], [77, true]);
  assert.match(await desk.sign(...add, "--passphrase-file", "pass"), /1 signature/);
});

test("a key that others can read does not sign; nor does one that is no Ed25519 key", async () => {
  using desk = await SigningDesk.open();
  desk.write("config.yaml", configYaml());
  chmodSync(desk.path("config1.key.pem"), 0o640);
  const open = await desk.run(
    "config",
    "config.yaml",
    "--out",
    "c.json",
    "--key",
    "config1.key.pem",
  );
  assert.deepEqual([open.status, /KEY_EXPOSED/.test(open.stderr)], [77, true]);
  await desk.sign("keygen", "--out", "support", "--support", "--no-passphrase");
  const other = await desk.run(
    "config",
    "config.yaml",
    "--out",
    "c.json",
    "--key",
    "support.key.pem",
  );
  assert.match(other.stderr, /is no Ed25519 key/);
  // It is what it was made for.
  desk.write("trust.yaml", trustYaml().replace(/supportKey: .*/, "supportKey: support.pub.pem"));
  await desk.sign("trust", "trust.yaml", "--out", "t.json");
});

test("detached: openssl signs what pae wrote, and only that signature is attached", async () => {
  using desk = await SigningDesk.open();
  desk.write("config.yaml", configYaml());
  await desk.sign("config", "config.yaml", "--out", "c.json", "--key", "config1.key.pem");
  await desk.sign("pae", "c.json", "--out", "pae.bin");
  const [, second] = KEYS.config;
  const sign = (input: string, out: string): string =>
    openssl(
      ...["pkeyutl", "-sign", "-inkey", desk.path("config2.key.pem"), "-rawin"],
      ...["-in", desk.path(input), "-out", desk.path(out)],
    );
  sign("pae.bin", "good.sig");
  sign("config.yaml", "other.sig");
  const before = desk.read("c.json");
  const attach = ["attach", "c.json", "--public-key", second.hex, "--signature"];
  for (const file of ["other.sig", "config.yaml"]) {
    const ran = await desk.run(...attach, file);
    assert.deepEqual([ran.status, /SIGNATURE_FOREIGN/.test(ran.stderr)], [65, true]);
  }
  const foreign = await desk.run(
    "attach",
    "c.json",
    "--public-key",
    KEYS.head[0].hex,
    "--signature",
    "good.sig",
  );
  assert.match(foreign.stderr, /SIGNATURE_FOREIGN/);
  assert.deepEqual(desk.read("c.json"), before, "as it was");
  assert.match(await desk.sign(...attach, "good.sig"), /2 signatures/);

  // The same by the key's id, out of a trust document.
  desk.write("trust.yaml", trustYaml());
  await desk.sign("trust", "trust.yaml", "--out", "t.json");
  const byId = ["attach", "c.json", "--key-id", second.id, "--signature", "good.sig"];
  assert.match((await desk.run(...byId)).stderr, /--key-id and --trust/);
  await desk.sign(...byId, "--trust", "t.json");
  const question = { type: "config", role: role(KEYS.config, 2), recipient: RECIPIENT } as const;
  const answer = verifyDocument({ envelope: desk.read("c.json"), ...question });
  assert.equal(answer.kind, "verified");
});
