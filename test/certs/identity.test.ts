import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { ErrorCode } from "#agent/errors.ts";
import { createDevelopmentCa } from "#certs/development-ca.ts";
import { type IdentityFiles, loadIdentity } from "#certs/identity.ts";

const NAME = { trustDomain: "holdfast.local", tenant: "north", agent: "ward-1" };
const ca = await createDevelopmentCa("Agents");
const issued = await ca.issueAgent({ ...NAME, notAfter: new Date("2031-02-03T04:05:06Z") });
const other = await ca.issueAgent(NAME);

const folder = mkdtempSync(join(tmpdir(), "holdfast-identity-"));
after(() => rmSync(folder, { recursive: true }));

/** Files as enrolment leaves them, or with one of them changed. */
function filesWith(
  change: { readonly [Part in keyof IdentityFiles]?: string } = {},
): IdentityFiles {
  const files = {
    certificate: join(folder, "agent.crt"),
    key: join(folder, "agent.key"),
    receiverCa: join(folder, "receiver-ca.crt"),
  };
  writeFileSync(files.certificate, change.certificate ?? issued.certificatePem);
  writeFileSync(files.key, change.key ?? issued.privateKeyPem, { mode: 0o600 });
  chmodSync(files.key, 0o600);
  writeFileSync(files.receiverCa, change.receiverCa ?? ca.certificatePem);
  return files;
}

const refuses = (files: IdentityFiles, code: ErrorCode): void => {
  assert.throws(
    () => loadIdentity(files),
    (error: Error & { code: ErrorCode }) => {
      assert.equal(error.code, code);
      assert.doesNotMatch(JSON.stringify({ ...error }), /PRIVATE KEY|holdfast-identity/);
      return true;
    },
  );
};

describe("identity", () => {
  test("[07 1.9] certificate, key and CA come as they are in the files, with end and serial", () => {
    const identity = loadIdentity(filesWith());
    assert.equal(identity.certificatePem, issued.certificatePem);
    assert.equal(identity.privateKeyPem, issued.privateKeyPem);
    assert.equal(identity.receiverCaPem, ca.certificatePem);
    assert.equal(identity.notAfterMs, Date.UTC(2031, 1, 3, 4, 5, 6));
    assert.equal(identity.serialHex, issued.serialHex);
  });

  for (const part of ["certificate", "key", "receiverCa"] as const) {
    test(`[07 1.3] a ${part} that is missing, or is none, is unreadable`, () => {
      refuses({ ...filesWith(), [part]: join(folder, "missing") }, "IDENTITY_UNREADABLE");
      refuses({ ...filesWith(), [part]: folder }, "IDENTITY_UNREADABLE");
      for (const content of [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      ]) {
        refuses(filesWith({ [part]: content }), "IDENTITY_UNREADABLE");
      }
    });
  }

  test("[07 1.3] a key of another certificate is a mismatch", () => {
    refuses(filesWith({ key: other.privateKeyPem }), "IDENTITY_MISMATCH");
    refuses(filesWith({ certificate: other.certificatePem }), "IDENTITY_MISMATCH");
  });

  test("[07 1.3] a key that group or others may read or write is exposed", () => {
    const files = filesWith();
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o610]) {
      chmodSync(files.key, mode);
      refuses(files, "IDENTITY_EXPOSED");
    }
    for (const mode of [0o600, 0o400]) {
      chmodSync(files.key, mode);
      assert.equal(loadIdentity(files).serialHex, issued.serialHex);
    }
  });
});
