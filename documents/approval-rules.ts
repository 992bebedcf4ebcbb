/**
 * Whether a hospital has said yes (07 2.4, VA2 to VA5). Pure; VA1 is {@link verifyApproval}.
 *
 * @module
 */
import type { KeyId } from "./public-key.ts";
import { type Refused, refused } from "./refusal.ts";
import type { Role } from "./role.ts";
import { parseTime, type TimeBase, whatExpired, whatIsFromFuture } from "./time.ts";
import type { ApprovalDocument } from "./types/approval.ts";
import { type Recipient, type Verified, verifyDocument } from "./verify.ts";

/**
 * VA1: V1 to V7, V9 and V10. One signature of the hospital is enough for a document to count as one
 * approval; whether all of them are enough is VA4.
 *
 * @param hospital keys and threshold of `local.yaml`
 */
export function verifyApproval(
  envelope: Uint8Array,
  hospital: Role,
  recipient: Recipient,
): Verified<ApprovalDocument> | Refused {
  const role = { keys: hospital.keys, threshold: 1 };
  return verifyDocument({ envelope, type: "approval", role, recipient });
}

/** The part of a {@link Verified} approval that counts. */
export type CountedApproval = Pick<Verified<ApprovalDocument>, "document" | "signers">;

export type ApprovalCount =
  | { readonly kind: "rejected" }
  | { readonly kind: "waiting"; readonly have: number; readonly need: number }
  /** VA5: may start from `startMs` until `endMs`, cut with the change windows; ms since 1970. */
  | { readonly kind: "approved"; readonly startMs: number; readonly endMs: number };

/** VA2, VA3 for one approval. */
export function whatApprovalForbids(
  approval: ApprovalDocument,
  subject: string,
  time: TimeBase,
): Refused | undefined {
  // VA2 It speaks of the configuration that waits.
  if (approval.subject !== subject) return refused("WRONG_RECIPIENT", "VA2", "subject");
  // VA3 Not expired, not from the future.
  return (
    whatExpired(approval.expires, time, "VA3") ?? whatIsFromFuture(approval.issuedAt, time, "VA3")
  );
}

/**
 * VA2 to VA5 over all approvals that came: those of other configurations and those out of time are not
 * counted, and one rejection ends it.
 *
 * @param approvals verified by VA1, in any order
 * @param subject digest of the configuration that waits
 */
export function countApprovals(
  approvals: readonly CountedApproval[],
  { subject, hospital, time }: { subject: string; hospital: Role; time: TimeBase },
): ApprovalCount {
  const valid = approvals.filter(
    ({ document }) => whatApprovalForbids(document, subject, time) === undefined,
  );
  if (valid.some(({ document }) => document.decision === "reject")) return { kind: "rejected" };
  // VA4 Distinct public keys over all of them: one person is one voice, however often.
  const signers = new Set<KeyId>(valid.flatMap((approval) => approval.signers));
  const need = Math.max(1, hospital.threshold);
  if (signers.size < need) return { kind: "waiting", have: signers.size, need };
  // VA5 When it may start.
  const times = (name: "notBefore" | "notAfter"): number[] =>
    valid.map(({ document }) => parseTime(document[name]) ?? Number.NaN);
  const startMs = Math.max(...times("notBefore"));
  return { kind: "approved", startMs, endMs: Math.min(...times("notAfter")) };
}
