/** The pure rules behind V10: offers, approvals, heads, commands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CountedApproval,
  countApprovals,
  verifyApproval,
  whatApprovalForbids,
} from "#documents/approval-rules.ts";
import { whatCommandTimesForbid } from "#documents/command-rules.ts";
import {
  type ConfigStanding,
  isUpTo,
  judgeOffer,
  type KnownOutcome,
} from "#documents/config-rules.ts";
import { whatHeadForbids } from "#documents/head-rules.ts";
import type { ApprovalDocument } from "#documents/types/approval.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import {
  approval,
  command,
  config,
  head,
  KEYS,
  RECIPIENT,
  role,
  signed,
} from "#test/support/signed-documents.ts";

const DIGEST = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const at = (day: number): { clockMs: number; floorMs: number } => ({
  clockMs: Date.UTC(2026, 1, day),
  floorMs: 0,
});
const STANDING: ConfigStanding = {
  isFrozen: false,
  configEpoch: 1,
  seqHigh: 7,
  newest: { digest: DIGEST, outcome: "committed" },
  effectiveDigest: DIGEST,
  effectiveEpoch: 1,
  ownVersion: "0.5.0",
  knownSchemas: [1, 2],
};

function offer(change: Partial<ConfigDocument>, standing: Partial<ConfigStanding> = {}): string {
  const document = config({ seq: 8, base: DIGEST, ...change });
  const judged = judgeOffer(document, OTHER, { ...STANDING, ...standing }, at(5));
  return judged.kind === "refused" ? `${judged.step} ${judged.code}` : judged.kind;
}

test("[VC2] frozen: nothing is judged further", () => {
  assert.equal(offer({}), "new");
  assert.equal(offer({ epoch: 9 }, { isFrozen: true }), "VC2 FROZEN");
});

test("[VC3] the epoch is that of the trust document, neither older nor newer", () => {
  for (const epoch of [0, 2]) assert.equal(offer({ epoch }), "VC3 EPOCH");
});

test("[VC4] the sequence rises, by 10,000 at most", () => {
  assert.equal(offer({ seq: 6 }), "VC4 ROLLBACK");
  assert.equal(offer({ seq: 7 }), "VC4 ROLLBACK", "other bytes under the same number");
  assert.equal(offer({ seq: 10_007 }), "new");
  assert.equal(offer({ seq: 10_008 }), "VC4 FAST_FORWARD");
  assert.equal(offer({ seq: 2 ** 50 }), "VC4 FAST_FORWARD");
});

for (const [outcome, answer] of [
  ["committed", "VC4 ALREADY_APPLIED"],
  ["in-progress", "VC4 IN_PROGRESS"],
  ["rolled-back", "VC4 BURNT"],
  ["refused", "VC4 BURNT"],
  ["preflight-refused", "again"],
] as const satisfies readonly (readonly [KnownOutcome, string])[]) {
  test(`[VC4] the same document again, ${outcome}: ${answer}`, () => {
    const newest = { digest: OTHER, outcome };
    assert.equal(offer({ seq: 7 }, { newest }), answer);
    assert.equal(offer({ seq: 6 }, { newest }), "VC4 ROLLBACK", "the digest alone is not enough");
  });
}

test("[VC5] the author saw what is in effect", () => {
  assert.equal(offer({ base: OTHER }), "VC5 BASE_MISMATCH");
  assert.equal(offer({ base: null }), "VC5 BASE_MISMATCH");
});

test("[VC5] until one of its epoch is in effect, an offer may have no base", () => {
  const before = { effectiveEpoch: 0 };
  assert.equal(offer({ base: null }, before), "new");
  assert.equal(offer({}, before), "new", "what was in effect before is a base, too");
  assert.equal(offer({ base: OTHER }, before), "VC5 BASE_MISMATCH");
  const nothing = { effectiveEpoch: undefined, effectiveDigest: undefined };
  assert.equal(offer({ base: null }, nothing), "new");
  assert.equal(offer({}, nothing), "VC5 BASE_MISMATCH");
  const newest = { digest: OTHER, outcome: "preflight-refused" } as const;
  assert.equal(offer({ seq: 7, base: null }, { ...nothing, newest }), "again");
});

test("[VC6] an offer is in time", () => {
  assert.equal(offer({ offerExpires: "2026-02-05T00:00:00Z" }), "VC6 EXPIRED");
  assert.equal(offer({ offerExpires: "2026-02-05T00:00:01Z" }), "new");
  // 1 February and 90 days, and a second.
  assert.equal(offer({ offerExpires: "2026-05-02T00:00:00Z" }), "new");
  assert.equal(offer({ offerExpires: "2026-05-02T00:00:01Z" }), "VC6 LIFETIME");
  assert.equal(offer({ issuedAt: "2026-02-05T00:10:00Z" }), "new");
  assert.equal(offer({ issuedAt: "2026-02-05T00:10:01Z" }), "VC6 FUTURE");
});

test("[VC7] for this agent's version, in a schema that it knows", () => {
  assert.equal(offer({ minAgent: "0.5.0", maxAgent: "0.5.0" }), "new");
  assert.equal(offer({ minAgent: "0.5.1" }), "VC7 VERSION");
  assert.equal(offer({ maxAgent: "0.4.99" }), "VC7 VERSION");
  assert.equal(offer({ schema: 3 }), "VC7 VERSION");
});

test("[VC7] versions are compared as numbers", () => {
  for (const [a, b] of [
    ["0.9.0", "0.10.0"],
    ["1.0.0", "1.0.0"],
    ["1.0.9", "1.0.10"],
    ["1.99.99", "2.0.0"],
    ["1.0.0-dev.1", "1.0.0"],
  ] as const) {
    assert.ok(isUpTo(a, b), `${a} ${b}`);
  }
  assert.ok(!isUpTo("0.10.0", "0.9.0"));
  assert.ok(!isUpTo("2.0.0", "1.9.9"));
});

const HOSPITAL = role(KEYS.hospital, 2);
const [anna, bert] = KEYS.hospital;

type Listed = readonly [Partial<ApprovalDocument>, ...string[]];

function approvals(...list: readonly Listed[]): CountedApproval[] {
  return list.map(([change, ...signers]) => ({ document: approval(change), signers }));
}

function counted(...list: readonly Listed[]): string {
  const count = countApprovals(approvals(...list), {
    ...{ subject: DIGEST, hospital: HOSPITAL, time: at(5) },
  });
  return count.kind === "waiting" ? `${count.have} of ${count.need}` : count.kind;
}

test("[VA1] an approval needs one signature of the hospital, and no other counts", () => {
  const verified = (keys: typeof KEYS.hospital | typeof KEYS.config) =>
    verifyApproval(signed("approval", approval(), keys.slice(0, 1)), HOSPITAL, RECIPIENT);
  assert.equal(verified(KEYS.hospital).kind, "verified");
  const refused = verified(KEYS.config);
  assert.ok(refused.kind === "refused" && refused.code === "SIGNATURES");
});

test("[VA2] of another configuration: not counted; a rejection ends it", () => {
  assert.equal(counted([{ subject: OTHER }, anna.id], [{}, bert.id]), "1 of 2");
  const rejection = { decision: "reject" } as const;
  assert.equal(counted([{}, anna.id, bert.id], [rejection, bert.id]), "rejected");
  assert.equal(
    counted([{}, anna.id, bert.id], [{ ...rejection, subject: OTHER }, bert.id]),
    "approved",
  );
  assert.equal(whatApprovalForbids(approval(), OTHER, at(5))?.code, "WRONG_RECIPIENT");
});

test("[VA3] expired or from the future: not counted", () => {
  assert.equal(counted([{ expires: "2026-02-05T00:00:00Z" }, anna.id], [{}, bert.id]), "1 of 2");
  assert.equal(counted([{ issuedAt: "2026-02-05T00:10:01Z" }, anna.id], [{}, bert.id]), "1 of 2");
  const late = { decision: "reject", expires: "2026-02-05T00:00:00Z" } as const;
  assert.equal(counted([late, anna.id], [{}, anna.id, bert.id]), "approved");
});

test("[VA4] distinct keys of the hospital over all approvals reach the threshold", () => {
  assert.equal(counted(), "0 of 2");
  assert.equal(counted([{}, anna.id]), "1 of 2");
  assert.equal(counted([{}, anna.id], [{ approver: "Anna again" }, anna.id]), "1 of 2");
  assert.equal(counted([{}, anna.id], [{}, bert.id]), "approved");
  assert.equal(counted([{}, anna.id, bert.id]), "approved");
});

test("[VA4] a threshold of nothing is one", () => {
  const question = { subject: DIGEST, hospital: role(KEYS.hospital, 0), time: at(5) };
  assert.deepEqual(countApprovals([], question), { kind: "waiting", have: 0, need: 1 });
});

test("[VA5] from the latest beginning to the earliest end of those that count", () => {
  const list = approvals(
    [{ notBefore: "2026-02-04T00:00:00Z", notAfter: "2026-02-12T00:00:00Z" }, anna.id],
    [{ notBefore: "2026-02-06T00:00:00Z", notAfter: "2026-02-08T00:00:00Z" }, bert.id],
    [{ notBefore: "2026-02-07T00:00:00Z", expires: "2026-02-05T00:00:00Z" }, bert.id],
  );
  assert.deepEqual(countApprovals(list, { subject: DIGEST, hospital: HOSPITAL, time: at(5) }), {
    kind: "approved",
    startMs: Date.UTC(2026, 1, 6),
    endMs: Date.UTC(2026, 1, 8),
  });
});

test("[VH2] a head is in time, lives 7 days at most, and is not older than the last", () => {
  const judged = (change: Parameters<typeof head>[0], last?: string) =>
    whatHeadForbids(head(change), last, at(5))?.code;
  assert.equal(judged({}), undefined);
  assert.equal(judged({ expires: "2026-02-05T00:00:00Z" }), "EXPIRED");
  assert.equal(judged({ issuedAt: "2026-02-05T00:10:01Z" }), "FUTURE");
  assert.equal(judged({ expires: "2026-02-09T00:00:01Z" }), "LIFETIME");
  assert.equal(judged({}, "2026-02-02T00:00:00Z"), undefined);
  assert.equal(judged({}, "2026-02-02T00:00:01Z"), "ROLLBACK");
});

test("[VM2] a command lives 15 minutes at most, and is in time", () => {
  const judged = (change: Parameters<typeof command>[0], minute = 5) =>
    whatCommandTimesForbid(command(change), {
      clockMs: Date.UTC(2026, 1, 2, 0, minute),
      floorMs: 0,
    })?.code;
  assert.equal(judged({}), undefined);
  assert.equal(judged({ expires: "2026-02-02T00:15:01Z" }), "LIFETIME");
  assert.equal(judged({}, 15), "EXPIRED");
  assert.equal(judged({}, -10), undefined);
  assert.equal(judged({}, -11), "FUTURE");
});
