/** The `receiver` block: where the agent dials, and through which proxy. @module */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { DocumentError } from "#config/document.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-receiver-yaml-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "local.yaml");

/** With `lines` in the block, from line 4 on. */
function load(...lines: readonly string[]): LocalConfig["receiver"] {
  const block = lines.map((line) => `  ${line}\n`).join("");
  writeFileSync(
    file,
    `stateDir: state
receiver:
  url: wss://gateway.example.org
${block}identity: { certificate: a.crt, key: a.key, receiverCa: ca.crt }
channels: [{ name: adt, kind: mllp-listener, port: 2575 }]
`,
  );
  return loadLocalConfig(file).receiver;
}

function problems(...lines: readonly string[]): string {
  try {
    load(...lines);
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    const found = error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    return found.join("\n");
  }
  return "";
}

const PROXY = "proxy: http://proxy.example.org:3128";
const USER = "proxyUser: ward";
const PASSWORD = "proxyPasswordFile: secrets/proxy";

describe("the receiver's block", () => {
  test("[01] alone with its url: no proxy, and nothing required", () => {
    assert.deepEqual(load(), { url: "wss://gateway.example.org", requireCapabilities: [] });
  });

  test("[07 1.10] proxy, user and password file, whose path is relative to the file", () => {
    const { proxy, proxyUser, proxyPasswordFile } = load(PROXY, USER, PASSWORD);
    assert.deepEqual([proxy, proxyUser], ["http://proxy.example.org:3128", "ward"]);
    assert.equal(proxyPasswordFile, join(folder, "secrets/proxy"));
    assert.equal(load(PROXY).proxyPasswordFile, undefined);
  });

  test("[07 1.10] a proxy is an http URL of host and port alone, and a password in it is not repeated", () => {
    for (const url of ["http://proxy", "http://10.0.0.1:8080/", "http://[::1]:3128"]) {
      assert.equal(problems(`proxy: "${url}"`), "", url);
    }
    for (const url of [
      "proxy.example.org:3128",
      "https://proxy.example.org:3128",
      "socks5://proxy.example.org:1080",
      "http://ward:hunter2@proxy.example.org:3128",
      "http://proxy.example.org/proxy.pac",
      "http://proxy.example.org/?hunter2",
      "",
    ]) {
      const found = problems(`proxy: "${url}"`);
      assert.match(found, /^4:3 'receiver\.proxy' must be a URL such as http:.*proxyUser/, url);
      assert.doesNotMatch(found, /hunter2/);
    }
  });

  test("[07 1.10] user and password belong together, and to a proxy", () => {
    assert.match(
      problems(USER, PASSWORD),
      /^4:3 'receiver\.proxyUser' has no effect without proxy$/,
    );
    assert.match(problems(PROXY, USER), /'receiver\.proxyPasswordFile' must be there together/);
    assert.match(problems(PROXY, PASSWORD), /'receiver\.proxyPasswordFile' must be there together/);
    for (const user of ['"a:b"', '""', '"a\\nb"']) {
      assert.match(
        problems(PROXY, `proxyUser: ${user}`, PASSWORD),
        /5:3 'receiver\.proxyUser' must/,
      );
    }
  });

  test("[07 1.10] a password itself has no key", () => {
    const found = problems(PROXY, USER, PASSWORD, "proxyPassword: hunter2");
    assert.match(found, /unknown key 'proxyPassword', did you mean/);
    assert.doesNotMatch(found, /hunter2/);
  });

  test("[TP12] requireCapabilities takes the names of 06 and no other", () => {
    const { requireCapabilities } = load("requireCapabilities: [partial, commands]");
    assert.deepEqual(requireCapabilities, ["partial", "commands"]);
    assert.match(problems("requireCapabilities: [zstd]"), /is not spoken by this version/);
    assert.match(
      problems("requireCapabilities: [patrial]"),
      /4:\d+ 'receiver\.requireCapabilities\.0'/,
    );
  });
});
