/**
 * A config document from its bytes to an offer (07 2.4, VC1 to VC10). Pure, but for where links of folders lead.
 *
 * The steps are in order, and the first that fails refuses.
 *
 * @module
 */
import { differenceOf } from "#config/difference.ts";
import type { Offer } from "#config/life-cycle-state.ts";
import type { Policy } from "#config/policy.ts";
import { type PolicyPlaces, whatPolicyForbids } from "#config/policy-check.ts";
import { judgeBody, type SignedBody } from "#config/signed-body.ts";
import { type ConfigStanding, judgeOffer } from "#documents/config-rules.ts";
import { type Refused, refused } from "#documents/refusal.ts";
import type { Role } from "#documents/role.ts";
import { parseTime, type TimeBase } from "#documents/time.ts";
import type { ConfigDocument } from "#documents/types/config.ts";
import { type Recipient, verifyDocument } from "#documents/verify.ts";

export interface ConfigQuestion {
  readonly envelope: Uint8Array;
  /** `undefined`: there is no trust document yet. */
  readonly role: Role | undefined;
  readonly recipient: Recipient;
  readonly configSource: "local" | "signed";
  readonly standing: ConfigStanding;
  readonly time: TimeBase;
  readonly policy: Policy;
  readonly places: PolicyPlaces;
  /** Of the configuration in effect. */
  readonly effective: SignedBody | undefined;
}

/** For people at the machine: what exactly was wrong, field by field or rule by rule. */
export interface RefusedConfig extends Refused {
  readonly told?: readonly string[];
}

export interface FittingConfig {
  readonly kind: "fits";
  readonly offer: Offer;
  readonly body: SignedBody;
  readonly document: ConfigDocument;
}

/** Nobody has signed: every signature is unknown. */
const NOBODY: Role = { keys: new Map(), threshold: 1 };

export function judgeConfig(question: ConfigQuestion): FittingConfig | RefusedConfig {
  const { envelope, role = NOBODY, recipient, standing, time, policy, places } = question;
  // VC1
  const verified = verifyDocument({ envelope, type: "config", role, recipient });
  if (verified.kind === "refused") return verified;
  if (question.configSource !== "signed") return refused("POLICY", "VC1", "configSource");
  const { document, digest } = verified;
  // VC2 to VC7
  const offered = judgeOffer(document, digest, standing, time);
  if (offered.kind === "refused") return offered;
  // VC8
  const judged = judgeBody(document.body);
  if (judged.kind === "unfit") {
    const told = judged.problems.map(({ path, message }) => `${path}: ${message}`);
    return { ...refused("SCHEMA", "VC8", judged.problems[0]?.path), told };
  }
  const { body } = judged;
  // VC9
  const breaches = whatPolicyForbids(body, policy, places);
  if (breaches.length > 0) {
    const told = breaches.map(({ rule, place, message }) => `${rule}: ${place} ${message}`);
    return { ...refused("POLICY", "VC9", breaches[0]?.rule), told };
  }
  // VC10 A label from outside is ignored: there is none.
  const { risk } = differenceOf(question.effective, body);
  const { epoch, seq, base } = document;
  const offerExpiresMs = parseTime(document.offerExpires) ?? 0;
  return {
    kind: "fits",
    body,
    document,
    offer: { digest, epoch, seq, base, offerExpiresMs, risk },
  };
}
