/** The password file of the hospital's proxy. @module */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { inspect } from "node:util";
import type { AgentError } from "#agent/errors.ts";
import { readProxyPassword } from "#certs/proxy-password.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-password-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "password");

function read(content: string | Uint8Array, mode = 0o600): string {
  writeFileSync(file, content);
  chmodSync(file, mode);
  return readProxyPassword(file);
}

const SECRET = "hunter2-secret";
const refuses = (code: string, act: () => unknown): void => {
  assert.throws(act, (error: AgentError) => {
    assert.equal(error.code, code);
    assert.ok(!inspect(error).includes(SECRET));
    assert.doesNotMatch(JSON.stringify({ ...error }), /holdfast-password/);
    return true;
  });
};

describe("proxy password", () => {
  test("[07 1.10] is the file's one line, without its end", () => {
    for (const end of ["", "\n", "\r\n"]) assert.equal(read(`p w: ö${end}`), "p w: ö");
    assert.equal(read("x".repeat(1_024)).length, 1_024);
    assert.equal(read(SECRET, 0o400), SECRET);
  });

  test("[07 1.10] what is no line of a password is none", () => {
    for (const content of ["", "\n", `${SECRET}\n\n`, `${SECRET}\nb`, `${SECRET}\u0000`, "\tx"]) {
      refuses("PROXY_PASSWORD_UNREADABLE", () => read(content));
    }
    refuses("PROXY_PASSWORD_UNREADABLE", () => read("x".repeat(1_025)));
  });

  test("[07 1.10] a file that is missing, or a folder, is unreadable", () => {
    refuses("PROXY_PASSWORD_UNREADABLE", () => readProxyPassword(join(folder, "missing")));
    refuses("PROXY_PASSWORD_EXPOSED", () => readProxyPassword(tmpdir()));
    chmodSync(folder, 0o700);
    refuses("PROXY_PASSWORD_UNREADABLE", () => readProxyPassword(folder));
  });

  test("[07 1.10] one that other accounts can read or write is exposed, also behind a link", (t) => {
    if (process.platform === "win32")
      return t.skip("not tested: rights on Windows are access lists");
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      refuses("PROXY_PASSWORD_EXPOSED", () => read(SECRET, mode));
    }
    const link = join(folder, "link");
    symlinkSync(file, link);
    refuses("PROXY_PASSWORD_EXPOSED", () => readProxyPassword(link));
  });
});
