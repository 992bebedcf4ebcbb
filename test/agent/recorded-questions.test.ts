import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditDraft } from "#agent/audit/entry.ts";
import { AgentError } from "#agent/errors.ts";
import { recorded } from "#agent/recorded-questions.ts";

/** Questions that change something, or show what is sealed; each as a command asks it. */
const RECORDED = [
  { ask: "quarantineShow", id: 3, from: 0, maxBytes: 100 },
  { ask: "quarantineRelease", id: 3 },
  { ask: "quarantineDiscard", ids: [3, 4] },
  { ask: "files", channel: "adt", beforeId: 0 },
  { ask: "trace", controlId: "DOE" },
  { ask: "backup", folder: "/srv/DOE" },
  { ask: "replay", channel: "adt", firstSeq: 1, lastSeq: 2, controlId: "DOE", dryRun: false },
  { ask: "rekey" },
  { ask: "identityRenew" },
  { ask: "identityAdopt" },
  { ask: "channelRelease", channel: "orders", decision: "retry" },
  { ask: "channelSkip", channel: "adt", firstSeq: 1, lastSeq: 2, confirmed: true },
  { ask: "drillStart", minutes: 5, reason: "exercise\nDOE" },
];
/** Never refused: it lets the tunnel up. */
const ANYWAY = { ask: "drillStop" };
const NOT_RECORDED = [
  { ask: "status" },
  { ask: "reconnect" },
  { ask: "quarantineList", beforeId: 9 },
  { ask: "quarantineShow", id: 3, from: 0, maxBytes: 0 },
  { ask: "backupProgress" },
  { ask: "replay", channel: "adt", dryRun: true },
  { ask: "channelSkip", channel: "adt", firstSeq: 1, lastSeq: 2, confirmed: false },
  { ask: "constructor" },
  {},
  null,
];

function audited(fault?: AgentError) {
  const drafts: AuditDraft[] = [];
  const take = (more: readonly AuditDraft[]): Promise<void> => {
    if (fault !== undefined) return Promise.reject(fault);
    drafts.push(...more);
    return Promise.resolve();
  };
  const note = (more: readonly AuditDraft[]) => take(more).then(() => true);
  return {
    drafts,
    audit: { record: take, note, noteBefore: (draft: AuditDraft) => take([draft]) },
  };
}

test("[A01] what changes something or shows what is sealed is recorded before it is done; nothing else is", async () => {
  for (const request of [...RECORDED, ANYWAY, ...NOT_RECORDED]) {
    const { drafts, audit } = audited();
    let before = -1;
    const answer = recorded(audit, () => {
      before = drafts.length;
      return Promise.resolve("done");
    });
    assert.equal(await answer(request && { ...request, by: "anna" }), "done");
    const isRecorded = [...RECORDED, ANYWAY].some((one) => one === request);
    assert.equal(before, isRecorded ? 1 : 0, JSON.stringify(request));
    for (const { actor } of drafts) {
      assert.deepEqual(actor, { kind: "local", id: "anna", claimed: true });
    }
    assert.ok(!JSON.stringify(drafts).includes("DOE"), "what a person typed may name a patient");
  }
});

test("[A04] what cannot be recorded is not done; the rest goes on", async () => {
  const { audit } = audited(new AgentError("AUDIT_UNWRITABLE", {}));
  let done = 0;
  const answer = recorded(audit, () => {
    done += 1;
    return Promise.resolve("done");
  });
  for (const request of RECORDED)
    await assert.rejects(answer(request), { code: "AUDIT_UNWRITABLE" });
  assert.equal(done, 0);
  for (const request of NOT_RECORDED) await answer(request);
  assert.equal(done, NOT_RECORDED.length);
});

test("[A04] the end of a drill neither waits for the audit nor is refused by it", async () => {
  const refused = new AgentError("AUDIT_UNWRITABLE", {});
  for (const [note, noted] of [
    ["refused", () => Promise.reject(refused)],
    ["hung", () => new Promise<never>(() => {})],
  ] as const) {
    const audit = { record: noted, note: noted, noteBefore: noted };
    assert.equal(await recorded(audit, () => Promise.resolve("done"))(ANYWAY), "done", note);
  }
});

test("[A01] what failed is recorded, whether it was thrown or answered", async () => {
  const fault = new AgentError("KEK_WRONG", {});
  for (const fail of [
    () => Promise.reject(fault),
    () => Promise.resolve({ fault: { code: "KEK_WRONG", facts: {} } }),
  ]) {
    const { drafts, audit } = audited();
    await recorded(audit, fail)({ ask: "rekey" }).catch(() => {});
    assert.deepEqual(
      drafts.map(({ action, decision, reason }) => [action, decision, reason]),
      [
        ["key.rekey", undefined, undefined],
        ["key.rekey", "failed", "KEK_WRONG"],
      ],
    );
  }
  const { drafts, audit } = audited();
  await assert.rejects(
    recorded(audit, () => Promise.reject(new TypeError("x")))({ ask: "rekey" }),
    TypeError,
  );
  assert.equal(drafts.at(-1)?.reason, "AGENT_DEFECT");
  assert.equal(drafts[0]?.actor.id, "unknown");
});
