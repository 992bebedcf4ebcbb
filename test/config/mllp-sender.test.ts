import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { senderSettings } from "#agent/sender-options.ts";
import { DocumentError } from "#config/document.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";

const HEAD = `stateDir: state
receiver:
  url: wss://gateway.example.org
identity:
  certificate: a.crt
  key: a.key
  receiverCa: /etc/ca.crt
channels:
`;
const LISTENER = `  - name: adt
    kind: mllp-listener
    port: 2575
`;
const SENDER = `  - name: ris
    kind: mllp-sender
    host: ris.hospital.example
    port: 2576
`;

const folder = mkdtempSync(join(tmpdir(), "holdfast-sender-"));
after(() => rmSync(folder, { recursive: true }));

function load(text: string): LocalConfig {
  const file = join(folder, "local.yaml");
  writeFileSync(file, text);
  return loadLocalConfig(file);
}

function problems(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
  return [];
}

describe("a channel of kind mllp-sender", () => {
  test("[O1, O2, O3, O4, O5, O6, O7, O8, O11] has every default of 03", () => {
    const { channels, senders } = load(HEAD + LISTENER + SENDER);
    assert.deepEqual(
      channels.map(({ name }) => name),
      ["adt"],
    );
    assert.deepEqual(senders, [
      {
        name: "ris",
        kind: "mllp-sender",
        host: "ris.hospital.example",
        port: 2576,
        keepOpen: true,
        maxInFlight: 1,
        keepAliveSeconds: 60,
        connectTimeoutSeconds: 10,
        matchControlId: "exact",
        maxReplyErrors: 3,
        replyTimeoutSeconds: 30,
        retryMinSeconds: 1,
        retryMaxSeconds: 60,
        errorRetries: 3,
        onError: "hold",
        onReject: "hold",
        applicationAckTimeoutSeconds: 300,
        waitForApplicationAck: false,
        expectReply: "auto",
        expireAfterSeconds: 0,
        lenientEnd: true,
        endOfBlockWaitMilliseconds: 250,
        blockIdleTimeoutSeconds: 60,
        blockMaxSeconds: 600,
        maxBlockBytes: 33_554_432,
      },
    ]);
  });

  test("[O4, O6, O11] seconds of the file are milliseconds for the sender", () => {
    const keys =
      "    replyTimeoutSeconds: 7\n    expireAfterSeconds: 86400\n    retryMaxSeconds: 5\n";
    const [sender] = load(HEAD + SENDER + keys).senders;
    assert.ok(sender);
    const settings = senderSettings(sender);
    assert.equal(settings.replyTimeoutMs, 7_000);
    assert.equal(settings.expireAfterMs, 86_400_000);
    assert.equal(settings.retryMaxMs, 5_000);
    assert.equal(settings.applicationAckTimeoutMs, 300_000);
    assert.equal(settings.endOfBlockWaitMs, 250);
  });

  test("[C4] paths of its TLS files are relative to the file's folder", () => {
    const tls = "    tls: {serverCa: ca.crt, certificate: own.crt, key: /etc/own.key}\n";
    const [sender] = load(HEAD + SENDER + tls).senders;
    assert.deepEqual(sender?.tls, {
      serverCa: join(folder, "ca.crt"),
      certificate: join(folder, "own.crt"),
      key: "/etc/own.key",
      allowedSubjects: [],
      pinnedCertificates: [],
      tlsHandshakeTimeoutSeconds: 10,
    });
    const alone = load(`${HEAD}${SENDER}    tls: {serverCa: ca.crt}\n`).senders[0]?.tls;
    assert.equal(alone?.certificate, undefined);
  });

  test("two senders may deliver to one port, and a listener may have its number", () => {
    const other = SENDER.replace("ris\n", "ris-two\n");
    const { senders } = load(HEAD + LISTENER.replace("2575", "2576") + SENDER + other);
    assert.equal(senders.length, 2);
  });

  const REFUSED: readonly (readonly [string, string, string])[] = [
    [
      "a name that a listener has",
      HEAD + LISTENER + SENDER.replace("ris\n", "adt\n"),
      "8:1 'channels' must not use a name twice",
    ],
    [
      "a kind that does not exist",
      HEAD + SENDER.replace("mllp-sender", "ftp-drop"),
      "10:5 'channels.0.kind' must be mllp-listener, mllp-sender, file-drop or folder",
    ],
    [
      "no host",
      HEAD + SENDER.replace("    host: ris.hospital.example\n", ""),
      "9:5 'channels.0.host' is missing",
    ],
    ["no port", HEAD + SENDER.replace("    port: 2576\n", ""), "9:5 'channels.0.port' is missing"],
    ["port 0", HEAD + SENDER.replace("2576", "0"), "12:5 'channels.0.port' Too small"],
    [
      "a host that is a URL",
      HEAD + SENDER.replace("ris.hospital.example", "mllp://ris"),
      "11:5 'channels.0.host' must be a name or an address",
    ],
    [
      "a host that is no address",
      HEAD + SENDER.replace("ris.hospital.example", "10.20.3.400"),
      "11:5 'channels.0.host' must be a name or an address",
    ],
    [
      "[O2] more than one in flight",
      `${HEAD}${SENDER}    maxInFlight: 2\n`,
      "13:5 'channels.0.maxInFlight' must be 1",
    ],
    [
      "[O5] a policy that does not exist",
      `${HEAD}${SENDER}    onError: ignore\n`,
      "13:5 'channels.0.onError' Invalid option",
    ],
    [
      "[O4] a shortest wait above the longest",
      `${HEAD}${SENDER}    retryMinSeconds: 90\n`,
      "13:5 'channels.0.retryMinSeconds' must not be above retryMaxSeconds",
    ],
    [
      "[O6] waiting for what is not expected",
      `${HEAD}${SENDER}    waitForApplicationAck: true\n    expectReply: accept\n`,
      "13:5 'channels.0.waitForApplicationAck' has no meaning",
    ],
    [
      "[C4] a certificate without its key",
      `${HEAD}${SENDER}    tls:\n      serverCa: ca\n      certificate: a\n`,
      "13:5 'channels.0.tls.key' is required beside certificate",
    ],
    [
      "[C4] TLS that trusts nobody",
      `${HEAD}${SENDER}    tls: {}\n`,
      "13:5 'channels.0.tls.serverCa' is missing",
    ],
    [
      "[C4] a wildcard for a name",
      `${HEAD}${SENDER}    tls: {serverCa: a, serverName: "*.example"}\n`,
      "13:24 'channels.0.tls.serverName' must be a DNS name",
    ],
    [
      "a misspelled key",
      `${HEAD}${SENDER}    replyTimeoutSecond: 5\n`,
      "13:5 unknown key 'replyTimeoutSecond', did you mean 'replyTimeoutSeconds'?",
    ],
    ["a key of a listener", `${HEAD}${SENDER}    ackMode: auto\n`, "13:5 unknown key 'ackMode'"],
  ];
  for (const [what, text, wanted] of REFUSED) {
    test(`${what.startsWith("[") ? "" : "[01] "}${what} is refused, with line and column`, () => {
      const found = problems(text);
      assert.ok(found[0]?.startsWith(wanted), `${found[0]} is not ${wanted}`);
    });
  }
});
