import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { downstreamOf } from "#agent/running/channel-set.ts";
import { folderSettings } from "#agent/sender-options.ts";
import { DocumentError } from "#config/document.ts";
import { sentinelName } from "#config/folder.ts";
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
const FOLDER = `  - name: orders
    kind: folder
    folder: orders/out
`;

const base = mkdtempSync(join(tmpdir(), "holdfast-folder-"));
after(() => rmSync(base, { recursive: true }));

function load(text: string): LocalConfig {
  const file = join(base, "local.yaml");
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

describe("a channel of kind folder", () => {
  test("[P2, P53, P55, P56, P58] has every default of 04", () => {
    const config = load(HEAD + FOLDER);
    assert.deepEqual(config.folderSenders, [
      {
        ...{ name: "orders", kind: "folder", folder: join(base, "orders/out") },
        ...{ shareKind: "auto", shareTimeoutSeconds: 30 },
        ...{ tempSuffix: ".tmp", fileMode: "0640", folderMode: "0750" },
        nameTemplate: "{createdAt}_{sequence}_{id}.{ext}",
        ...{ useSuggestedName: false, onCollision: "suffix" },
        ...{ pickupAlarmSeconds: 0, keepSent: false, sentKeepDays: 30 },
        ...{ retryMinSeconds: 1, retryMaxSeconds: 60, expireAfterSeconds: 0 },
      },
    ]);
    assert.deepEqual([config.channels, config.senders], [[], []]);
    assert.deepEqual(downstreamOf(config), ["orders"]);
  });

  test("[P2] paths are relative to the file, the sentinel to its folder; copies lie beside the target", () => {
    const more = `    keepSent: true
    tempFolder: /var/tmp/orders
    sentinelFile: mounted
    outControlSuffix: .ok
    fileMode: "0664"
    pickupAlarmSeconds: 60
`;
    const [one] = load(HEAD + FOLDER + more).folderSenders;
    assert.ok(one !== undefined);
    const { tempFolder, sentFolder, sentinelFile } = one;
    assert.deepEqual(
      [tempFolder, sentFolder, sentinelFile],
      ["/var/tmp/orders", join(base, "orders/sent"), join(base, "orders/out/mounted")],
    );
    assert.equal(sentinelName(one), "mounted");
    const settings = folderSettings(one);
    assert.deepEqual(
      [settings.outlet.fileMode, settings.outlet.folderMode, settings.outlet.controlSuffix],
      [0o664, 0o750, ".ok"],
    );
    assert.deepEqual([settings.pickupAlarmMs, settings.sentKeepMs], [60_000, 30 * 86_400_000]);
  });

  for (const [line, problem] of [
    [
      "nameTemplate: '{patient}.hl7'",
      /^12:5 'channels\.0\.nameTemplate' may name .*nothing else in braces/,
    ],
    ["nameTemplate: sub/{id}", /^12:5 .*letters, digits/],
    ["nameTemplate: '{id}.tmp'", /^12:5 .*must not end in tempSuffix/],
    ["tempSuffix: /x", /^12:5 .*at most 16 letters/],
    ["outControlSuffix: .tmp", /^12:5 .*must not be tempSuffix/],
    ["fileMode: 0640", /^12:5 .*must be in quotes/],
    ["fileMode: '0755'", /^12:5 .*not executable/],
    ["fileMode: '4640'", /^12:5 .*must be octal/],
    ["folderMode: '0640'", /^12:5 .*all for the owner/],
    ["sentFolder: x", /^12:5 .*no meaning without keepSent/],
    ["onCollision: replace", /^12:5 /],
    ["ext: p/f", /^12:5 .*letters and digits/],
    ["retryMinSeconds: 61", /^12:5 .*must not be above retryMaxSeconds/],
    ["folderr: x", /^12:5 unknown key 'folderr'.*'folder'/],
  ] as const) {
    test(`[P55] ${line} is refused with line and column`, () => {
      const found = problems(`${HEAD}${FOLDER}    ${line}\n`);
      assert.equal(found.length, 1, found.join());
      assert.match(found[0] ?? "", problem);
    });
  }

  test("[P2] a folder that two channels use, or one for two purposes, is refused", () => {
    const other = FOLDER.replace("orders\n", "labels\n");
    const same = /^\d+:\d+ .*is the same folder as \w+ of channels\[0\]/;
    const isRefused = (channels: string): void => {
      const found = problems(HEAD + channels);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", same);
    };
    isRefused(FOLDER + other);
    isRefused(FOLDER + other.replace("orders/out", "./orders/../orders/out/"));
    isRefused(`${FOLDER}    tempFolder: ${base}/orders/out\n`);
    const apart = other.replace("orders/out", "labels/out");
    assert.deepEqual(problems(HEAD + FOLDER + apart), []);
    // Beside both of them lies the same one.
    const beside = other.replace("orders/out", "orders/other");
    const kept = "    keepSent: true\n";
    isRefused(FOLDER + kept + beside + kept);
  });
});
