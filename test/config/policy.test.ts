import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { DocumentError } from "#config/document.ts";
import { approvalFor, destinationOf, type Policy, portRange } from "#config/policy.ts";
import { rawOf } from "#documents/public-key.ts";
import { policyOf } from "#test/support/configurations.ts";

const keyHex = (): string =>
  Buffer.from(rawOf(generateKeyPairSync("ed25519").publicKey)).toString("hex");

function problems(block: string): string {
  try {
    policyOf(block);
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    return error.message;
  }
  return "";
}

test("[VC9] a policy that says nothing allows nothing, and lets one person at the machine say yes", () => {
  const nothing: Policy = {
    approval: {
      ...{ mode: "local", hospitalKeys: [], hospitalKeyThreshold: 1, standingClasses: ["low"] },
    },
    ...{ changeWindows: [], probationMinutes: 10, listenAddresses: [], listenPorts: [] },
    ...{ sourceNetworks: [], folderRoots: [], destinations: [] },
    support: {
      ...{ enabled: true, consentLevel: 0, windowMaxHours: 4, releaseMode: "auto" },
      sentCopyDays: 90,
    },
    updates: { mode: "off" },
  };
  assert.deepEqual(policyOf(""), nothing);
});

test("[VC9] folders of the policy are relative to the file", () => {
  const { folderRoots, tlsFolder } = policyOf("  folderRoots: [in, /srv]\n  tlsFolder: tls\n");
  assert.match(folderRoots[0] ?? "", /^\/.*holdfast-policy-.*\/in$/);
  assert.equal(folderRoots[1], "/srv");
  assert.match(tlsFolder ?? "", /^\/.*\/tls$/);
});

test("[VA1] hospital keys are judged as the keys of a trust document are", () => {
  const key = keyHex();
  const approval = (keys: string, more = "") =>
    `  approval:\n    mode: signed\n    hospitalKeys: ${keys}\n${more}`;
  assert.deepEqual(policyOf(approval(`["${key}"]`)).approval.hospitalKeys, [key]);
  assert.match(problems(approval(`["${key}", "${key}"]`)), /must not name a key twice/);
  assert.match(problems(approval(`["${key.slice(2)}"]`)), /must be an Ed25519 public key/);
  // The neutral element, of small order: every signature fits it.
  assert.match(problems(approval(`["01${"00".repeat(31)}"]`)), /must be an Ed25519 public key/);
  assert.match(problems(approval("[]")), /say whose signatures count/);
  const threshold = "    hospitalKeyThreshold: 2\n";
  assert.match(problems(approval(`["${key}"]`, threshold)), /must not be above the number/);
  assert.equal(
    policyOf(approval(`["${key}", "${keyHex()}"]`, threshold)).approval.hospitalKeyThreshold,
    2,
  );
});

test("[VC11] who must say yes follows from mode and class", () => {
  const policy = (mode: string, more = "") =>
    policyOf(`  approval:\n    mode: ${mode}\n${more}`).approval;
  const keys = `    hospitalKeys: ["${keyHex()}"]\n`;
  for (const risk of ["low", "medium", "high"] as const) {
    assert.equal(approvalFor(policy("local"), risk), "local");
    assert.equal(approvalFor(policy("signed", keys), risk), "signed");
  }
  const standing = policy("standing");
  assert.equal(approvalFor(standing, "low"), "none");
  assert.equal(approvalFor(standing, "medium"), "local");
  assert.equal(approvalFor(standing, "high"), "local");
  const wide = policy("standing", `${keys}    standingClasses: [low, medium]\n`);
  assert.equal(approvalFor(wide, "medium"), "none");
  // Hospital keys may stand for two people: one at the machine is no way around them.
  assert.equal(approvalFor(wide, "high"), "signed");
  const none = policy("standing", "    standingClasses: []\n");
  assert.equal(approvalFor(none, "low"), "local");
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  [
    "high as a standing class",
    "  approval: { standingClasses: [high] }\n",
    /high is never standing/,
  ],
  [
    "an unknown key",
    "  listenPort: [2575]\n",
    /unknown key 'listenPort', did you mean 'listenPorts'/,
  ],
  ["a probation of a minute", "  probationMinutes: 1\n", /probationMinutes/],
  ["a probation of three hours", "  probationMinutes: 180\n", /probationMinutes/],
  ["a port that is none", "  listenPorts: [0]\n", /listenPorts/],
  ["ports backwards", '  listenPorts: ["2580-2575"]\n', /must be a port or a range/],
  [
    "a network that is none",
    "  sourceNetworks: [10.20.0.0/40]\n",
    /must be an IP address or a range/,
  ],
  ["a destination without port", "  destinations: [ris.example]\n", /must be host:port/],
  ["consent to a third level", "  support: { consentLevel: 3 }\n", /consentLevel/],
  ["a recovery key that would not be used", "  kekRecoveryKey: abc\n", /not in this one/],
  ["updates of a kind that there is not", "  updates: { mode: auto }\n", /mode/],
  [
    "a zone that does not exist",
    '  changeWindows: [{ days: [mon], from: "22:00", to: "04:00", zone: Europe/Bärlin }]\n',
    /must be a zone of the IANA database/,
  ],
  [
    "a time that YAML would read as a number",
    "  changeWindows: [{ days: [mon], from: 2200, to: 400, zone: Europe/Berlin }]\n",
    /must be in quotes/,
  ],
  [
    "a window of no length",
    '  changeWindows: [{ days: [mon], from: "22:00", to: "22:00", zone: Europe/Berlin }]\n',
    /a whole day is/,
  ],
];
for (const [what, block, expected] of REFUSED) {
  test(`[VC9] ${what} is refused in a policy`, () => assert.match(problems(block), expected));
}

test("[VC9] ports and destinations have one reading", () => {
  assert.deepEqual(portRange(2575), [2575, 2575]);
  assert.deepEqual(portRange("2575"), [2575, 2575]);
  assert.deepEqual(portRange("2575-2580"), [2575, 2580]);
  for (const text of ["", "-", "1-", "0-5", "5-65536", "1-2-3", "1 - 2"]) {
    assert.equal(portRange(text), undefined, text);
  }
  assert.equal(destinationOf("RIS.example.:2575"), destinationOf("ris.example:2575"));
  assert.equal(destinationOf("[fd00:0::1]:2575"), destinationOf("[FD00::1]:2575"));
  assert.notEqual(destinationOf("ris.example:2575"), destinationOf("ris.example:2576"));
  for (const text of ["ris", "ris:0", "ris:65536", "::1:25", "[ris]:25", "a b:25", "ris:25:26"]) {
    assert.equal(destinationOf(text), undefined, text);
  }
});
