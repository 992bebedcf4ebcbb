import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mail, withAbsoluteMailFiles } from "#config/mail.ts";

const LEAST = { host: "mail.clinic.example", from: "gw@clinic.example", to: ["it@clinic.example"] };

describe("mail in local.yaml", () => {
  test("[PL9] the port is that of the way it is secured; paths begin at the file's folder", () => {
    assert.deepEqual(
      (["starttls", "implicit", "none"] as const).map((tls) => mail.parse({ ...LEAST, tls }).port),
      [587, 465, 25],
    );
    const full = mail.parse({
      ...{ ...LEAST, port: 2525, user: "gw", passwordFile: "pw", caFile: "/ca.pem" },
    });
    assert.deepEqual([full.tls, full.least, full.port], ["starttls", "warning", 2525]);
    const { passwordFile, caFile } = withAbsoluteMailFiles(full, "/etc/holdfast");
    assert.deepEqual([passwordFile, caFile], ["/etc/holdfast/pw", "/ca.pem"]);
  });

  test("[PL9] a password in clear, half a login, and what could begin another header are refused", () => {
    for (const wrong of [
      { user: "gw", passwordFile: "pw", tls: "none" },
      { user: "gw" },
      { from: "gw@clinic.example\r\nBcc: x@evil.example" },
      { to: ["IT <it@clinic.example>"] },
      { to: [] },
      { to: ["a@b.example,c@d.example"] },
      { subject: "x" },
    ]) {
      assert.equal(mail.safeParse({ ...LEAST, ...wrong }).success, false, JSON.stringify(wrong));
    }
  });
});
