/**
 * Documents are judged and taken (07 2.4). The first failing step refuses with its code, is recorded, and changes no
 * other state.
 *
 * @module
 */
import { step } from "#config/life-cycle.ts";
import { type LifeCycleEvent, type Step, standingOf } from "#config/life-cycle-state.ts";
import { approvalFor } from "#config/policy.ts";
import { BODY_SCHEMA } from "#config/signed-body.ts";
import { countApprovals, verifyApproval, whatApprovalForbids } from "#documents/approval-rules.ts";
import { whatHeadForbids } from "#documents/head-rules.ts";
import { type RefusalCode, refused } from "#documents/refusal.ts";
import { nowOf, parseTime } from "#documents/time.ts";
import { acceptTrust } from "#documents/trust-chain.ts";
import { roleOf } from "#documents/trust-rules.ts";
import type { ApprovalDocument } from "#documents/types/approval.ts";
import { digestOf, type Verified, verifyDocument } from "#documents/verify.ts";
import type { AuditActor } from "../audit/entry.ts";
import { thawValues } from "../marks/trust-keeper.ts";
import type { Driver } from "./driver.ts";
import { judgeConfig } from "./judge-config.ts";
import type { Ledger } from "./ledger.ts";
import {
  type CarriedType,
  claimedType,
  type DocumentOutcome,
  payloadDigest,
  type RefusedDocument,
  refusedAs,
} from "./outcomes.ts";
import { type ConfigurationParts, forbiddenKeys, hospitalRole } from "./parts.ts";

export interface TakerParts extends ConfigurationParts {
  readonly ledger: Ledger;
  readonly driver: Driver;
}

/** Of those that came for one configuration: more voices no hospital has. */
const APPROVALS_MAX_COUNT = 64;

export class Takers {
  readonly #parts: TakerParts;

  constructor(parts: TakerParts) {
    this.#parts = parts;
  }

  /**
   * One of the chain that came with the identity: it has been here before, so that it cures nothing (2.12).
   *
   * @returns whether it is in force
   */
  async takeEnrolled(envelope: Uint8Array, actor: AuditActor): Promise<boolean> {
    const outcome = await this.#takeTrust(envelope, actor, false);
    if (outcome.kind === "taken") return true;
    await this.#noteRefusal(outcome, actor);
    return false;
  }

  /** One envelope, whatever it is. @throws {AgentError} `AUDIT_UNWRITABLE`, `STORE_*`: it may come again */
  async take(envelope: Uint8Array, actor: AuditActor): Promise<DocumentOutcome> {
    const type = claimedType(envelope);
    const outcome =
      type === undefined
        ? refusedAs("unknown", refused("WRONG_TYPE", "V4"))
        : await this.#taken(type, envelope, actor);
    if (outcome.kind === "refused") await this.#noteRefusal(outcome, actor);
    return outcome;
  }

  #taken(type: CarriedType, envelope: Uint8Array, actor: AuditActor): Promise<DocumentOutcome> {
    switch (type) {
      case "trust":
        return this.#takeTrust(envelope, actor, true);
      case "config":
        return this.#takeConfig(envelope, actor);
      case "approval":
        return this.#takeApproval(envelope, actor);
      case "head":
        return this.#takeHead(envelope, actor);
    }
  }

  /** VT1 to VT7. */
  async #takeTrust(
    envelope: Uint8Array,
    actor: AuditActor,
    mayCure: boolean,
  ): Promise<DocumentOutcome> {
    const { ledger, anchor, recipient, driver, keeper } = this.#parts;
    const accepted = acceptTrust({
      ...{ stored: ledger.trust, anchor, envelope, tenant: recipient.tenant },
      forbiddenKeys: forbiddenKeys(this.#parts),
    });
    if (accepted.kind === "refused") {
      return refusedAs("trust", accepted, payloadDigest(envelope, "trust"));
    }
    const { document, digest } = accepted;
    const before = ledger.lifeCycle;
    const raised = step(before, { type: "epochRaised", epoch: document.configEpoch });
    // 2.12: what ends a freeze that nothing readable could end.
    const isHigher = document.configEpoch > before.epoch && before.epoch > 0;
    const isCure = mayCure && isHigher && keeper.frozen === "allDamaged";
    const done = isCure
      ? joined(raised, { type: "repaired", epoch: document.configEpoch, seqHigh: 0 })
      : raised;
    const draft = { actor, action: "trust.accepted", subject: digest };
    await ledger.keep(done, {
      actor,
      drafts: [{ ...draft, decision: `version ${document.version} epoch ${document.configEpoch}` }],
      trust: [{ document, digest, envelope }],
      issuedAtMs: parseTime(document.issuedAt) ?? 0,
      ...(isCure ? { values: thawValues(new Map()) } : {}),
    });
    if (isCure) await keeper.thawed();
    driver.noteFreeze();
    await driver.carryOut(done.effects);
    return { kind: "taken", type: "trust", digest, state: "accepted" };
  }

  /** VC1 to VC11. */
  async #takeConfig(envelope: Uint8Array, actor: AuditActor): Promise<DocumentOutcome> {
    const { ledger, driver, recipient, configSource, policy, places, version } = this.#parts;
    const { lifeCycle, currentTrust: trust } = ledger;
    const judged = judgeConfig({
      ...{ envelope, recipient, configSource, policy, places },
      role: trust === undefined ? undefined : roleOf(trust, "config"),
      standing: { ...standingOf(lifeCycle), ownVersion: version, knownSchemas: [BODY_SCHEMA] },
      time: ledger.time,
      effective: await driver.effectiveBody(),
    });
    const digest = payloadDigest(envelope, "config");
    if (judged.kind === "refused") return refusedAs("config", judged, digest);
    const { offer, document } = judged;
    const received = step(lifeCycle, { type: "received", digest: offer.digest });
    if (received.answer !== undefined)
      return refusedAs("config", refused(received.answer, "VC4"), digest);
    // RECEIVED and VERIFIED in one transaction: nothing of it is seen between them, and a crash leaves nothing.
    const verified = joined(received, { type: "verified", offer });
    if (verified.answer !== undefined)
      return refusedAs("config", refused(verified.answer, "VC10"), digest);
    await ledger.keep(verified, {
      actor,
      document: { kind: "config", digest: offer.digest, envelope },
      issuedAtMs: parseTime(document.issuedAt) ?? 0,
      drafts: [
        {
          actor,
          action: "config.risk",
          subject: offer.digest,
          decision: offer.risk,
          reason: document.ticket,
        },
      ],
    });
    await driver.carryOut(verified.effects);
    await this.#time();
    const state = stateOf(ledger, offer.digest);
    return { kind: "taken", type: "config", digest: offer.digest, state };
  }

  /** VA1 to VA5. */
  async #takeApproval(envelope: Uint8Array, actor: AuditActor): Promise<DocumentOutcome> {
    const { ledger, policy, recipient } = this.#parts;
    const hospital = hospitalRole(policy);
    const verified = verifyApproval(envelope, hospital, recipient);
    const digest = payloadDigest(envelope, "approval");
    if (verified.kind === "refused") return refusedAs("approval", verified, digest);
    const { document } = verified;
    const { current } = ledger.lifeCycle;
    const waiting = current?.offer;
    // VA2 says the same; where nothing waits, a person is not sent to look for another recipient.
    if (waiting === undefined) {
      return refusedAs("approval", refused("NOT_WAITING", "VA2", "subject"), digest);
    }
    const subject = waiting.digest;
    const objection =
      whatApprovalForbids(document, subject, ledger.time) ??
      // By the mode in force: where one person at the machine decides, a document does not.
      (approvalFor(policy.approval, waiting.risk) !== "signed"
        ? refused("POLICY", "VC11", "approval.mode")
        : undefined);
    if (objection !== undefined) return refusedAs("approval", objection, digest);
    const taken = { kind: "taken", type: "approval", digest: verified.digest } as const;
    // Repeated by whoever carries it, it fills nothing; signed apart by several people, each of them is kept.
    const same = (await this.#approvals()).filter((one) => one.digest === verified.digest);
    const known = same.flatMap(({ signers }) => signers);
    if (verified.signers.every((signer) => known.includes(signer))) {
      return { ...taken, state: stateOf(ledger, subject) };
    }
    await ledger.keep(undefined, {
      actor,
      document: { kind: "approval", digest: approvalName(verified), envelope },
      issuedAtMs: parseTime(document.issuedAt) ?? 0,
      drafts: [
        {
          ...{ actor, action: "approval.accepted", subject, decision: document.decision },
          reason: `${verified.signers.length} hospital keys, ${document.approver}`,
        },
      ],
    });
    await this.countApprovals();
    return { ...taken, state: stateOf(ledger, subject) };
  }

  /** Those that are kept and that this hospital has signed, by its keys of now. */
  async #approvals(): Promise<Verified<ApprovalDocument>[]> {
    const { ledger, policy, recipient } = this.#parts;
    const hospital = hospitalRole(policy);
    const envelopes = await ledger.envelopes("approval", APPROVALS_MAX_COUNT);
    return envelopes.flatMap((envelope) => {
      const verified = verifyApproval(envelope, hospital, recipient);
      return verified.kind === "verified" ? [verified] : [];
    });
  }

  /** VA2 to VA5, over all that came. */
  async countApprovals(): Promise<void> {
    const { ledger, driver, policy } = this.#parts;
    const { current } = ledger.lifeCycle;
    if (current === undefined) return;
    const hospital = hospitalRole(policy);
    const approvals = await this.#approvals();
    const { digest } = current.offer;
    const count = countApprovals(approvals, { subject: digest, hospital, time: ledger.time });
    if (count.kind === "waiting") return;
    const event: LifeCycleEvent =
      count.kind === "rejected"
        ? { type: "rejected", digest }
        : {
            ...{ type: "approved", digest, by: "documents" },
            time: { notBeforeMs: count.startMs, notAfterMs: count.endMs },
          };
    await driver.advance(event);
    await this.#time();
  }

  /** At a start, before anything is done: the policy may be another one than when it was said yes to. */
  async recountApprovals(): Promise<void> {
    const { ledger, driver, policy } = this.#parts;
    const { current } = ledger.lifeCycle;
    if (current === undefined) return;
    const { offer, state } = current;
    if (state === "AWAITING_APPROVAL" && approvalFor(policy.approval, offer.risk) === "signed")
      return await this.countApprovals();
    if (!(await this.isStillApproved()))
      await driver.advance({ type: "approvalWithdrawn", digest: offer.digest });
  }

  /**
   * Whether what was approved would be so by the policy of now: a key that the hospital took away says yes no more. When
   * documents were good is not asked again: that was so when they were counted, and VA5 says when it may start.
   *
   * @returns true for what nobody has approved yet
   */
  async isStillApproved(): Promise<boolean> {
    const { ledger, policy } = this.#parts;
    const { current } = ledger.lifeCycle;
    if (current?.state !== "SCHEDULED" && current?.state !== "PREFLIGHT") return true;
    const { digest, risk } = current.offer;
    const need = approvalFor(policy.approval, risk);
    if (need !== "signed") return need === "none" || current.by === "person";
    const hospital = hospitalRole(policy);
    const yes = (await this.#approvals()).filter(
      ({ document }) => document.subject === digest && document.decision === "approve",
    );
    const signers = new Set(yes.flatMap((one) => one.signers));
    return signers.size >= Math.max(1, hospital.threshold);
  }

  /** VH1, VH2. What follows from it is VH3's, whenever time passes. */
  async #takeHead(envelope: Uint8Array, actor: AuditActor): Promise<DocumentOutcome> {
    const { ledger, recipient } = this.#parts;
    const { currentTrust: trust } = ledger;
    const role = trust === undefined ? { keys: new Map(), threshold: 1 } : roleOf(trust, "head");
    const verified = verifyDocument({ envelope, type: "head", role, recipient });
    const digest = payloadDigest(envelope, "head");
    if (verified.kind === "refused") return refusedAs("head", verified, digest);
    const { document } = verified;
    const objection = whatHeadForbids(document, ledger.head?.issuedAt, ledger.time);
    if (objection !== undefined) return refusedAs("head", objection, digest);
    const taken = {
      kind: "taken",
      type: "head",
      digest: verified.digest,
      state: "accepted",
    } as const;
    // Whoever carries it can repeat it: that must neither fill the audit (08 A02) nor push out older heads, which tell
    // since when a newer configuration is known of (VH3).
    if ((await ledger.envelope("head", verified.digest)) !== undefined) return taken;
    await ledger.keep(undefined, {
      actor,
      head: { document, digest: verified.digest, envelope },
      issuedAtMs: parseTime(document.issuedAt) ?? 0,
      drafts: [
        {
          ...{ actor, action: "head.accepted", subject: verified.digest },
          decision: `epoch ${document.epoch} seq ${document.seq}`,
        },
      ],
    });
    return taken;
  }

  /** What needs no waiting goes on at once. */
  async #time(): Promise<void> {
    const { driver, policy, ledger } = this.#parts;
    const nowMs = nowOf(ledger.time);
    await driver.advance({ type: "time", nowMs, windows: policy.changeWindows });
  }

  async #noteRefusal(outcome: RefusedDocument, actor: AuditActor): Promise<void> {
    const { type, code, step: where, detail, digest } = outcome;
    await this.#parts.ledger.note({
      ...{ actor, action: `${type}.refused`, decision: code satisfies RefusalCode },
      ...(digest === undefined ? {} : { subject: digest }),
      reason: detail === undefined ? where : `${where} ${detail}`,
    });
  }
}

/** Two events in one step. */
function joined(first: Step, event: LifeCycleEvent): Step {
  const second = step(first.state, event);
  return {
    state: second.state,
    transitions: [...first.transitions, ...second.transitions],
    effects: [...first.effects, ...second.effects].filter((effect) => effect.do !== "verify"),
    ...(second.answer === undefined ? {} : { answer: second.answer }),
  };
}

/** Under which one approval is kept: the same text may be signed by several people, each in an envelope of their own. */
const approvalName = ({ digest, signers }: Verified<ApprovalDocument>): string =>
  digestOf(Buffer.from([digest, ...[...signers].sort()].join(" ")));

function stateOf({ lifeCycle }: Ledger, digest: string): string {
  const { current, ended } = lifeCycle;
  const one = [current, ended].find((known) => known?.offer.digest === digest);
  return one?.state ?? "accepted";
}
