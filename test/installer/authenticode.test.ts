/** Files for Windows carry a signature that notices a changed byte (09 PK16, 5), made with a certificate of the test. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { shipAddOns } from "#installer/shipped-add-ons.ts";

const canSign = spawnSync("osslsigncode", ["--version"]).error === undefined;

test("[09 5] native code for Windows is signed before it is named, and a flipped byte is found", {
  skip: canSign ? false : "not tested: signatures for Windows; needs osslsigncode",
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-signed-"));
  try {
    const [certificate, key] = [join(folder, "author.pem"), join(folder, "author.key")];
    const subject = ["-subj", "/CN=Author of a test", "-addext", "extendedKeyUsage=codeSigning"];
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, "-days", "2"];
    const { status, stderr } = spawnSync("openssl", [...made, "-keyout", key, "-out", certificate]);
    assert.equal(status, 0, String(stderr));
    const lib = join(folder, "lib");
    shipAddOns("win-x64", lib, { certificate, key });
    assert.equal(readdirSync(lib).length, 2);
    for (const name of readdirSync(lib)) {
      const file = join(lib, name);
      const verify = () =>
        spawnSync("osslsigncode", ["verify", "-CAfile", certificate, "-in", file]).status;
      assert.equal(verify(), 0, name);
      const bytes = readFileSync(file);
      bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000);
      writeFileSync(file, bytes);
      assert.notEqual(verify(), 0, name);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
