import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONDITIONS, type ConditionName, isCondition } from "#agent/health/catalogue.ts";

const RANK = { critical: 3, warning: 2, information: 1 } as const;
const ROWS = Object.entries(CONDITIONS) as [ConditionName, (typeof CONDITIONS)[ConditionName]][];

/** Codes whose meaning operators know: each stays what it is (11 3, PL9). */
const KNOWN = [
  ...["storeFailing", "listenerClosed", "quarantineFull", "tunnelDown", "clockSkewed"],
  ...["identityRefused", "renewalFailing", "renewalOverdue", "channelHeld", "channelParted"],
  ...["gapSent", "storeRolledBack", "messageDamaged", "channelFull", "outboxFilling", "diskLow"],
  ...["walGrowing", "tooManyConnections", "certificateExpiring", "malformedAccepted"],
  ...["openToAllInterfaces", "messageTooLarge", "auditUnwritable", "auditBroken"],
  ...["trustRollback", "configFrozen", "configNotRunning", "configStale", "headStale"],
  ...["clockSuspect", "lastGoodUnwritable", "policyForbids", "marksUnwritable"],
  ...["siemUnreachable", "volatileState", "endpointUnreachable", "endpointSilent"],
  ...["endpointRefuses", "deliveryHeld", "deliveryQuarantined", "folderUnreachable"],
  ...["fileDropEnded", "stableTooShort", "foldersWritable", "folderFilling", "fileRefused"],
  ...["fileGrowing", "fileOrphaned", "fileUnpaired", "controlFileAmbiguous", "fileBusy"],
  ...["fileUnreadable", "fileQuarantined", "fileVanished", "fileNotMoved", "lateWrite"],
  ...["applicationAckMissing", "targetUnreachable", "targetFull", "filesNotCollected"],
  ...["openToAll", "outageDrill"],
];

describe("the catalogue of warnings", () => {
  test("[PL9] keeps every code that was ever there", () => {
    for (const code of KNOWN) assert.ok(isCondition(code), code);
  });

  test("[PL9] every row says in one line what it means and what to do, and has a runbook", () => {
    const runbooks = ROWS.map(([, { runbook }]) => runbook);
    assert.equal(new Set(runbooks).size, ROWS.length);
    for (const [code, { means, remedy, runbook }] of ROWS) {
      assert.match(means, /^[A-Zs][^\n]{10,200}[^.]$/, code);
      assert.match(remedy, /^[A-Z][^\n]{8,200}[^.]$/, code);
      assert.match(runbook, /^docs\/runbooks\/[a-z]+(-[a-z]+)*\.md$/, code);
    }
  });

  test("[PL9] what explains another one exists, is no less severe, and never explains itself", () => {
    const causes = (code: string, seen: readonly string[]): readonly string[] =>
      isCondition(code)
        ? CONDITIONS[code].dependsOn.flatMap((cause) => {
            assert.ok(!seen.includes(cause), `${cause} explains itself`);
            return [cause, ...causes(cause, [...seen, cause])];
          })
        : [];
    for (const [code, { severity }] of ROWS) {
      for (const cause of causes(code, [code])) {
        assert.ok(isCondition(cause), `${code} depends on ${cause}`);
        assert.ok(RANK[CONDITIONS[cause].severity] >= RANK[severity], `${cause} hides ${code}`);
      }
    }
  });

  test("[PL9] a maintenance window mutes nothing of the store, trust, disk or damage", () => {
    const never = /store|disk|seal|kek|audit|trust|config|policy|marks|identity|damaged|volatile/i;
    for (const [code, { inMaintenance }] of ROWS) {
      if (never.test(code)) assert.equal(inMaintenance, false, code);
    }
    assert.deepEqual(
      ["tunnelDown", "channelSilent", "endpointUnreachable"].map(
        (code) => isCondition(code) && CONDITIONS[code].inMaintenance,
      ),
      [true, true, true],
    );
  });
});
