import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { DocumentError } from "#config/document.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { isEveryInterface, isLoopback } from "#config/mllp-listener.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-local-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "local.yaml");

/** Eight lines; the channel is the ninth on. */
const HEAD = `stateDir: state
receiver:
  url: wss://gateway.example.org
identity:
  certificate: a.crt
  key: a.key
  receiverCa: /etc/ca.crt
channels:
`;
const CHANNEL = `  - name: adt
    kind: mllp-listener
    port: 2575
`;

/** Every key of 03 that the shortest channel leaves out. */
const LISTENER_DEFAULTS = {
  allowedProcessingIds: [],
  allowedVersions: [],
  answerApplicationAck: false,
  appAckSameSocket: false,
  batchReply: "batch",
  cannotStoreReply: "close",
  deferredFallback: "close",
  deferredTimeoutSeconds: 20,
  duplicatePolicy: "replayAck",
  duplicateWindowHours: 24,
  emptyBlockReply: "none",
  fallbackCharset: "windows-1252",
  highWaterPercent: 80,
  idleTimeoutSeconds: 0,
  junkSampleBytes: 256,
  keepAliveSeconds: 60,
  lowWaterPercent: 70,
  malformedReply: "reject",
  maxJunkBytes: 65_536,
  maxPendingBlocks: 100,
  oversizeReply: "reject",
  quarantineMaxBytes: 1_073_741_824,
  spoolThresholdBytes: 1_048_576,
  staleAfterSeconds: 120,
  storeDeadlineSeconds: 3,
};

function load(text: string): LocalConfig {
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

describe("local.yaml", () => {
  test("[01] the shortest one has every default, with paths relative to its folder", () => {
    const config = load(HEAD + CHANNEL);
    assert.equal(config.stateDir, join(folder, "state"));
    assert.deepEqual(config.identity, {
      certificate: join(folder, "a.crt"),
      key: join(folder, "a.key"),
      receiverCa: "/etc/ca.crt",
    });
    assert.deepEqual([config.allowVolatileState, config.shutdownGraceSeconds], [false, 10]);
    const [channel] = config.channels;
    assert.deepEqual(channel, {
      name: "adt",
      kind: "mllp-listener",
      host: "127.0.0.1",
      port: 2575,
      allow: [],
      priority: "normal",
      onReceiverReject: "hold",
      ackMode: "auto",
      neAlAsOriginal: true,
      allowEmptyControlId: false,
      lenientEnd: true,
      endOfBlockWaitMilliseconds: 250,
      blockIdleTimeoutSeconds: 60,
      blockMaxSeconds: 600,
      maxBlockBytes: 33_554_432,
      maxConnections: 16,
      ...LISTENER_DEFAULTS,
    });
  });

  test("[01] what the store may take and how long it keeps has the defaults of 05", () => {
    const { diskBudgetBytes, ballastBytes, retainHours, ledgerDays } = load(HEAD + CHANNEL);
    assert.deepEqual(
      [diskBudgetBytes, ballastBytes, retainHours, ledgerDays],
      [21_474_836_480, 134_217_728, 72, 400],
    );
    const bounds: readonly (readonly [string, number, number])[] = [
      ["retainHours", 0, 8_760],
      ["ledgerDays", 1, 3_650],
      ["ballastBytes", 1_048_576, Number.MAX_SAFE_INTEGER],
      ["diskBudgetBytes", 268_435_456, Number.MAX_SAFE_INTEGER],
    ];
    for (const [key, least, most] of bounds) {
      for (const value of [least, most]) {
        const config: Readonly<Record<string, unknown>> = load(
          `${key}: ${value}\n${HEAD}${CHANNEL}`,
        );
        assert.equal(config[key], value);
      }
      for (const value of [least - 1, most + 1, "1.5", "many"]) {
        const [first] = problems(`${key}: ${value}\n${HEAD}${CHANNEL}`);
        assert.match(first ?? "", new RegExp(`^1:1 '${key}' `), String(value));
      }
    }
  });

  test("[S21] the KEK is a file beside local.yaml, unless another file or a credential is named", () => {
    const kekOf = (text: string): LocalConfig["kek"] => load(text + HEAD + CHANNEL).kek;
    const beside = { custody: "file", file: join(folder, "kek/holdfast.kek") };
    assert.deepEqual(kekOf(""), beside);
    assert.deepEqual(kekOf("kek: {custody: file}\n"), beside);
    assert.deepEqual(kekOf("kek: {custody: file, file: ../x.kek}\n"), {
      custody: "file",
      file: join(folder, "../x.kek"),
    });
    assert.deepEqual(kekOf("kek: {custody: file, file: /a/b.kek}\n"), {
      custody: "file",
      file: "/a/b.kek",
    });
    assert.deepEqual(kekOf("kek: {custody: credential}\n"), { custody: "credential" });
  });

  const PROBLEMS: readonly (readonly [string, string, string])[] = [
    [
      "a misspelled key",
      `${HEAD}${CHANNEL}    ackmode: auto\n`,
      "12:5 unknown key 'ackmode', did you mean 'ackMode'?",
    ],
    [
      "a misspelled key at the top",
      `stateDirr: x\n${HEAD}${CHANNEL}`,
      "1:1 unknown key 'stateDirr', did you mean 'stateDir'?",
    ],
    [
      "[S21] a custody of the KEK that does not exist",
      `kek: {custody: paper}\n${HEAD}${CHANNEL}`,
      "1:7 'kek.custody' must say how the key is kept: file, dpapi or credential",
    ],
    [
      "[S21] a KEK without its custody",
      `kek: {file: a.kek}\n${HEAD}${CHANNEL}`,
      "1:1 'kek.custody' must say how the key is kept: file, dpapi or credential",
    ],
    [
      "[S21] a file beside a credential",
      `kek: {custody: credential, file: a.kek}\n${HEAD}${CHANNEL}`,
      "1:28 unknown key 'file'",
    ],
    [
      "[S21] an empty path of the KEK",
      `kek: {custody: file, file: ""}\n${HEAD}${CHANNEL}`,
      "1:22 'kek.file' ",
    ],
    [
      "a key that is missing",
      HEAD.replace("stateDir: state\n", "") + CHANNEL,
      "1:1 'stateDir' is missing",
    ],
    ["no channel", `${HEAD}  []\n`, "8:1 'channels' must name at least one channel"],
    ["a name used twice", HEAD + CHANNEL + CHANNEL, "8:1 'channels' must not use a name twice"],
    [
      "a name with a capital",
      HEAD + CHANNEL.replace("adt", "Adt"),
      "9:5 'channels.0.name' must be lower-case letters",
    ],
    [
      "an unsupported kind",
      HEAD + CHANNEL.replace("mllp-listener", "ftp-drop"),
      "10:5 'channels.0.kind' must be mllp-listener",
    ],
    [
      "remote configuration",
      `configSource: remote\n${HEAD}${CHANNEL}`,
      "1:1 'configSource' must be local or signed",
    ],
    [
      "a port that is none",
      HEAD + CHANNEL.replace("2575", "70000"),
      "11:5 'channels.0.port' Too big",
    ],
    [
      "an acknowledgment mode that does not exist",
      `${HEAD}${CHANNEL}    ackMode: maybe\n`,
      "12:5 'channels.0.ackMode' Invalid option",
    ],
    [
      "[A6] an application acknowledgment that this version cannot deliver",
      `${HEAD}${CHANNEL}    applicationAckChannel: back\n`,
      "12:5 'channels.0.applicationAckChannel' applicationAckChannel comes with downstream delivery",
    ],
    [
      "[A6] an application acknowledgment on the same socket",
      `${HEAD}${CHANNEL}    appAckSameSocket: true\n`,
      "12:5 'channels.0.appAckSameSocket' appAckSameSocket comes with downstream delivery",
    ],
    [
      "[C5] a low-water mark above the high one",
      `${HEAD}${CHANNEL}    highWaterPercent: 50\n`,
      "9:5 'channels.0.lowWaterPercent' must be below highWaterPercent",
    ],
    [
      "[X2] a character set that nobody knows",
      `${HEAD}${CHANNEL}    charset: EBCDIC\n`,
      "12:5 'channels.0.charset' must be a character set of HL7 table 0211",
    ],
    [
      "[C4] TLS that asks for certificates of nobody",
      `${HEAD}${CHANNEL}    tls:\n      certificate: a.crt\n      key: a.key\n`,
      "12:5 'channels.0.tls.clientCa' is required",
    ],
    [
      "[C4] a pin that is no fingerprint",
      `${HEAD}${CHANNEL}    tls:\n      certificate: a\n      key: a\n      clientCa: a\n      pinnedCertificates: [abc]\n`,
      "16:28 'channels.0.tls.pinnedCertificates.0' must be a SHA-256 fingerprint",
    ],
    [
      "a block limit above the ceiling",
      `${HEAD}${CHANNEL}    maxBlockBytes: 268435457\n`,
      "12:5 'channels.0.maxBlockBytes' Too big",
    ],
  ];
  for (const [what, text, expected] of PROBLEMS) {
    test(`[01] ${what} is refused with line, column and what to do`, () => {
      const found = problems(text);
      assert.ok(
        found.some((problem) => problem.startsWith(expected)),
        found.join("\n"),
      );
    });
  }

  test("[VC1] with a signed source the file has no channels: they would be believed to run", () => {
    const head = HEAD.replace("channels:\n", "");
    const config = load(`configSource: signed\n${head}`);
    assert.equal(config.configSource, "signed");
    const { channels, drops, senders, folderSenders } = config;
    assert.deepEqual([channels, drops, senders, folderSenders], [[], [], [], []]);
    const [first] = problems(`configSource: signed\n${HEAD}${CHANNEL}`);
    assert.match(first ?? "", /^9:1 'channels' must be absent with configSource: signed/);
    assert.deepEqual(problems(head), ["1:1 'channels' is missing"]);
  });

  test("[C3] off loopback allow is required, and no word of it guessed", () => {
    for (const host of ["0.0.0.0", "::", "10.1.2.3", "::ffff:127.0.0.1"]) {
      const text = `${HEAD}${CHANNEL}    host: "${host}"\n`;
      const [first] = problems(text);
      assert.match(
        first ?? "",
        /^\d+:\d+ 'channels\.0\.allow' is required unless host is a loopback address/,
        host,
      );
      assert.deepEqual(problems(`${text}    allow: [10.0.0.0/8]\n`), [], host);
    }
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
      assert.deepEqual(problems(`${HEAD}${CHANNEL}    host: "${host}"\n`), [], host);
    }
  });

  test("[C3] host is an address: a name could come to mean another", () => {
    for (const host of ["mllp.hospital.local", "127.0.0.1.example.org", "", "fe80::1%eth0"]) {
      const found = problems(`${HEAD}${CHANNEL}    host: "${host}"\n    allow: [10.0.0.0/8]\n`);
      assert.match(found[0] ?? "", /^12:5 .*must be an address of this machine/, host);
    }
  });

  test("[C3] a range is written as its first address, so that all sources must be written out", () => {
    for (const range of ["10.0.0.0/0", "10.20.3.4/16", "fe80::1/10", "::1/0", "128.0.0.0/0"]) {
      const found = problems(`${HEAD}${CHANNEL}    allow: ["${range}"]\n`);
      assert.match(found[0] ?? "", /has bits set behind its prefix/, range);
    }
    for (const range of ["0.0.0.0/0", "::/0", "128.0.0.0/1", "10.20.3.4/32", "2001:db8::/32"]) {
      assert.deepEqual(problems(`${HEAD}${CHANNEL}    allow: ["${range}"]\n`), [], range);
    }
    for (const host of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0"]) {
      assert.ok(isEveryInterface(host), host);
    }
    for (const host of ["127.0.0.1", "::1", "10.0.0.0"]) assert.ok(!isEveryInterface(host), host);
  });

  test("[01] two channels cannot have one port on one address", () => {
    const second = CHANNEL.replace("adt", "lab");
    assert.match(problems(HEAD + CHANNEL + second)[0] ?? "", /must not use a port twice/);
    assert.deepEqual(problems(HEAD + CHANNEL + second.replace("2575", "2576")), []);
  });

  test("isLoopback is true of loopback addresses alone", () => {
    for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) assert.ok(isLoopback(host));
    for (const host of ["128.0.0.1", "1127.0.0.1", "127.0.0.1.a", "0.0.0.0", "::", "LOCALHOST.a"]) {
      assert.ok(!isLoopback(host), host);
    }
  });

  test("[C3] a source is an address or a range, of either version", () => {
    const allow = (source: string): string[] =>
      problems(`${HEAD}${CHANNEL}    allow: ["${source}"]\n`);
    for (const source of [
      "10.1.2.3",
      "10.0.0.0/8",
      "0.0.0.0/0",
      "fe80::/10",
      "::1",
      "::/0",
      "10.0.0.1/32",
    ]) {
      assert.deepEqual(allow(source), [], source);
    }
    for (const source of [
      "10.1.2",
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "host",
      "",
      "fe80::1%eth0",
      "10.0.0.0/-1",
    ]) {
      assert.match(allow(source)[0] ?? "", /must be an IP address or a range/, source);
    }
  });

  test("[TP1] the receiver is a wss URL of host and port alone: nothing is silently dropped or sent along", () => {
    const withUrl = (url: string): string[] =>
      problems((HEAD + CHANNEL).replace("wss://gateway.example.org", `"${url}"`));
    for (const url of [
      "wss://a.example",
      "wss://a.example/",
      "wss://a.example:8443",
      "wss://10.0.0.1",
      "wss://[::1]:1",
    ]) {
      assert.deepEqual(withUrl(url), [], url);
    }
    for (const url of [
      "ws://a.example",
      "https://a.example",
      "a.example",
      "wss://a.example/v1/tunnel",
      "wss://user:secret@a.example",
      "wss://a.example/?token=secret",
      "wss://a.example/#x",
    ]) {
      assert.match(withUrl(url)[0] ?? "", /^3:3 'receiver\.url' must be a URL such as wss:/, url);
      assert.doesNotMatch(withUrl(url).join(), /secret/);
    }
  });
});
