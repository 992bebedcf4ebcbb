import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONDITIONS } from "#agent/health/catalogue.ts";
import { isLive, type Known, troublesOf } from "#receiver/console/troubles.ts";
import { PRESENCE_LIVE_MS } from "#receiver/limits.ts";
import { NO_IDENTITY } from "#receiver/store/identity-record.ts";

const NOW = 1_700_000_000_000;
const MINUTE_MS = 60_000;
const RECORD: Known["record"] = {
  ...{ id: 1, tenant: "north", name: "ward-1", serialHex: "01", revision: 0, session: 3 },
  ...{ identity: NO_IDENTITY, addedAtMs: NOW - 9e9, helloAtMs: NOW - 8e9, lockedAtMs: null },
};
const STANDING = {
  ...{ agent: 1, seenMs: NOW - 1_000, goneMs: null, alarms: null, head: null },
  ...{ lastStoredMs: NOW - 2_000, waitedMs: 0 },
};
const WELL: Known = {
  ...{ record: RECORD, standing: STANDING, alarms: [], isDenied: false, waitedMs: 0 },
  certificateEndMs: NOW + 9e9,
};

const codesOf = (change: Partial<Known>): string[] =>
  troublesOf({ ...WELL, ...change }, NOW).map(({ code, tone }) => `${code} ${tone}`);

const standing = (change: Partial<typeof STANDING | { goneMs: number; seenMs: number | null }>) =>
  ({ standing: { ...STANDING, ...change } }) as Partial<Known>;

const alarm = (code: string, severity: "critical" | "warning" | "information", agoMs: number) => ({
  ...{ id: code, code, channel: "adt", severity, suppressed: 2, facts: { count: 3 } },
  since: new Date(NOW - agoMs).toISOString(),
});

describe("[01 Receive] what is wrong with an agent", () => {
  test("nothing, where it is connected and says nothing", () => assert.deepEqual(codesOf({}), []));

  test("it left a moment ago, it is away, its node died, it never came", () => {
    assert.deepEqual(codesOf(standing({ goneMs: NOW - 5_000 })), ["agentAway notice"]);
    const away = standing({ goneMs: NOW - 2 * MINUTE_MS });
    assert.deepEqual(codesOf(away), ["agentAway critical"]);
    assert.equal(troublesOf({ ...WELL, ...away }, NOW)[0]?.sinceMs, NOW - 2 * MINUTE_MS);
    const silent = standing({ seenMs: NOW - PRESENCE_LIVE_MS });
    assert.equal(isLive({ ...WELL, ...silent }, NOW), false);
    assert.deepEqual(codesOf(silent), ["agentAway critical"]);
    const never = { ...standing({ seenMs: null }), record: { ...RECORD, helloAtMs: null } };
    assert.deepEqual(codesOf(never), ["agentNeverSeen notice"]);
  });

  test("a lock, a denial and a machine that waits explain why it is away", () => {
    const gone = standing({ goneMs: NOW - 9 * MINUTE_MS });
    assert.deepEqual(codesOf({ ...gone, record: { ...RECORD, lockedAtMs: NOW } }), [
      "agentLocked critical",
    ]);
    assert.deepEqual(codesOf({ ...gone, isDenied: true }), ["agentDenied notice"]);
    const claim = { csrSha256Hex: "", deviceKeyHex: "", code: "123456", atMs: NOW - 1 };
    const token = {
      ...{ idHex: "", publicKeyHex: "", expiresMs: NOW, failedTries: 0, claim, issued: null },
      confirmedAtMs: null,
    };
    const record = { ...RECORD, identity: { ...NO_IDENTITY, token } };
    const [found] = troublesOf({ ...WELL, ...gone, record }, NOW);
    assert.equal(found?.code, "agentUnconfirmed");
    assert.doesNotMatch(JSON.stringify(found), /123456/);
  });

  test("its certificate ends, or its messages come late", () => {
    assert.deepEqual(codesOf({ certificateEndMs: NOW }), ["certificateEnded critical"]);
    assert.deepEqual(codesOf({ certificateEndMs: NOW + 86_400_000 }), [
      "certificateEnding warning",
    ]);
    assert.deepEqual(codesOf({ waitedMs: 10 * MINUTE_MS }), ["messagesLate warning"]);
    // What came long ago says nothing of now.
    const old = standing({ lastStoredMs: NOW - 11 * MINUTE_MS });
    assert.deepEqual(codesOf({ ...old, waitedMs: 10 * MINUTE_MS }), []);
  });

  test("alarms say what they mean and what to do, the gravest and longest first", () => {
    const alarms = [
      alarm("maintenanceActive", "information", 1),
      alarm("diskLow", "critical", 10),
      alarm("queueAge", "warning", 99),
      alarm("tunnelDown", "critical", 20),
      alarm("ofTheFuture", "warning", 5),
    ];
    const found = troublesOf({ ...WELL, alarms }, NOW);
    assert.deepEqual(
      found.map(({ code }) => code),
      ["tunnelDown", "diskLow", "queueAge", "ofTheFuture", "maintenanceActive"],
    );
    const disk = found[1];
    const { means, remedy, whose, runbook } = CONDITIONS.diskLow;
    assert.deepEqual(disk, {
      ...{ code: "diskLow", channel: "adt", tone: "critical", sentence: means, todo: remedy },
      ...{ whose, runbook, sinceMs: NOW - 10, facts: { count: 3 }, suppressed: 2 },
    });
    assert.equal(found[3]?.whose, "vendor");
  });
});
