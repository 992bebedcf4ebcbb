/**
 * Drives the life cycle of signed configuration (07 2.10, 2.11): each event is a step, each step is kept durably with
 * its audit entries, and only then its effects are carried out. What they come to are events again.
 *
 * Whoever calls has waited for his turn: nothing here runs beside itself but the watch of a probation.
 *
 * @module
 */

import type { ChannelSet } from "#config/channel-set.ts";
import { differenceOf } from "#config/difference.ts";
import { step } from "#config/life-cycle.ts";
import {
  effectiveOf,
  type LifeCycle,
  type LifeCycleEffect,
  type LifeCycleEvent,
  NO_EPOCH,
  type Offer,
} from "#config/life-cycle-state.ts";
import { approvalFor } from "#config/policy.ts";
import { whatPolicyForbids } from "#config/policy-check.ts";
import type { Baseline, ProbationFault } from "#config/probation.ts";
import type { SignedBody } from "#config/signed-body.ts";
import type { RefusalCode } from "#documents/refusal.ts";
import { nowOf } from "#documents/time.ts";
import type { AuditActor } from "../audit/entry.ts";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import { readLastGood, writeLastGood } from "../marks/last-good.ts";
import { bodyIn, documentIn, permittedPart, setOf } from "./bodies.ts";
import type { HealthHistory } from "./health-history.ts";
import { inspectLastGood, lastGoodBundle } from "./last-good-bundle.ts";
import type { Kept, Ledger } from "./ledger.ts";
import { type ConfigurationParts, forbiddenKeys } from "./parts.ts";
import { ProbationWatch } from "./probation-watch.ts";

/** What went wrong with the document in hand, for people: of which channel, and what they do about it. */
export interface Trouble {
  readonly digest: string;
  readonly lines: readonly string[];
}

export interface DriverParts extends ConfigurationParts {
  readonly ledger: Ledger;
  readonly history: HealthHistory;
  /** Gives `work` its turn; for what comes by itself. */
  readonly later: (work: () => Promise<void>) => void;
  /** A configuration that waits for approvals: those that are here already are counted. */
  readonly countApprovals: () => Promise<void>;
  readonly isStillApproved: () => Promise<boolean>;
}

export const SYSTEM: AuditActor = { kind: "system", id: "configuration" };
/** Of the whole chain; more of it than this no bundle holds. */
const CHAIN_MAX_COUNT = 2_048;
const AGAIN_MS = 5_000;

export class Driver implements Disposable {
  readonly #parts: DriverParts;
  #watch: ProbationWatch | undefined;
  #baseline: Baseline | undefined;
  /** An effect has come to this, and it could not be recorded: everything else waits. */
  #owed: { readonly event: LifeCycleEvent } | undefined;
  /** What should run and does not. */
  #unrun: { readonly offer: Offer | undefined } | undefined;
  #isLastGoodOwed = false;
  #trouble: Trouble | undefined;
  /** Channels that the policy keeps closed, each with its condition. */
  #forbidden: ReadonlySet<string> = new Set();
  #isClosed = false;

  constructor(parts: DriverParts) {
    this.#parts = parts;
  }

  get lifeCycle(): LifeCycle {
    return this.#parts.ledger.lifeCycle;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Whether something has happened that could not be recorded yet. */
  get isOwing(): boolean {
    return this.#owed !== undefined;
  }

  /**
   * One event, and all that follows from it.
   *
   * @param kept what led to it, in the same transaction
   * @returns what a document that is offered is answered, if it goes no further
   * @throws {AgentError} `AUDIT_UNWRITABLE`: nothing has changed
   */
  async advance(
    event: LifeCycleEvent,
    kept: Kept = { actor: SYSTEM },
  ): Promise<RefusalCode | undefined> {
    const before = this.lifeCycle;
    const next = step(before, event);
    const isSame = next.state === before && next.transitions.length === 0;
    if (!isSame || kept.document !== undefined || kept.trust !== undefined) {
      await this.#parts.ledger.keep(next, kept);
    }
    if (next.transitions.length > 0) this.#moved();
    await this.carryOut(next.effects);
    return next.answer;
  }

  async carryOut(effects: readonly LifeCycleEffect[]): Promise<void> {
    for (const effect of effects) {
      if (this.#isClosed) return;
      await this.#carryOut(effect);
    }
  }

  /** Tries again what is owed. @returns whether nothing is owed any more */
  async settle(): Promise<boolean> {
    const owed = this.#owed;
    if (owed !== undefined) {
      this.#owed = undefined;
      await this.#came(owed.event);
    }
    const unrun = this.#unrun;
    if (unrun !== undefined && this.#owed === undefined) await this.#run(unrun.offer);
    const { lastGood } = this.lifeCycle;
    if (this.#isLastGoodOwed && lastGood !== undefined) await this.#keepLastGood(lastGood);
    return this.#owed === undefined;
  }

  /** What is in effect, read back; `undefined` where nothing is. */
  async effectiveBody(): Promise<SignedBody | undefined> {
    const effective = effectiveOf(this.lifeCycle);
    return effective === undefined ? undefined : await this.bodyOf(effective.digest);
  }

  /** @returns `undefined` for one that is not here, or that this version does not understand */
  async bodyOf(digest: string): Promise<SignedBody | undefined> {
    const envelope = await this.#parts.ledger.envelope("config", digest);
    const document = envelope === undefined ? undefined : documentIn(envelope, digest);
    return document === undefined ? undefined : bodyIn(document);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#watch?.[Symbol.dispose]();
  }

  async #carryOut(effect: LifeCycleEffect): Promise<void> {
    // What was on its way when the hospital took its channels back into its own file stays where it stood.
    if (this.#parts.configSource === "local" && effect.do !== "alarm") return;
    switch (effect.do) {
      // Documents are judged in the turn in which they come: one that a crash has cut off comes again.
      case "verify":
      // In the transaction of every step.
      case "writeMarks":
        return;
      case "lookForApproval":
        return await this.#lookForApproval(effect.offer);
      case "preflight":
        return await this.#preflight(effect.offer);
      case "apply":
        return await this.#apply(effect.offer);
      case "watchProbation":
        return this.#watchProbation(effect.offer);
      case "run":
        return await this.#run(effect.offer);
      case "keepLastGood":
        return await this.#keepLastGood(effect.offer);
      case "alarm":
        return this.noteFreeze();
    }
  }

  /** VC11. */
  async #lookForApproval(offer: Offer): Promise<void> {
    const need = approvalFor(this.#parts.policy.approval, offer.risk);
    await this.#came({ type: "approvalLooked", isNeeded: need !== "none" });
    if (need === "signed") await this.#parts.countApprovals();
  }

  async #preflight({ digest }: Offer): Promise<void> {
    const { policy, places, running, ledger, isStillApproved } = this.#parts;
    if (!(await isStillApproved())) return await this.#came({ type: "approvalWithdrawn", digest });
    const body = await this.bodyOf(digest);
    if (body === undefined) {
      return await this.#came({ type: "preflightFailed", digest, code: "SCHEMA" });
    }
    // The hospital may have changed its policy while it waited.
    const breaches = whatPolicyForbids(body, policy, places);
    if (breaches.length > 0) {
      this.#trouble = {
        digest,
        lines: breaches.map((one) => `${one.rule}: ${one.place} ${one.message}`),
      };
      return await this.#came({ type: "preflightFailed", digest, code: "POLICY" });
    }
    const findings = await running.preflight(setOf(body, policy));
    if (this.#isClosed) return;
    if (findings.length > 0) {
      const lines = findings.map(({ channel, fault }) => `${channel}: ${textOf(fault)}`);
      this.#trouble = { digest, lines };
      return await this.#came({ type: "preflightFailed", digest });
    }
    const { changeWindows: windows } = policy;
    await this.#came({ type: "preflightPassed", digest, nowMs: nowOf(ledger.time), windows });
  }

  async #apply({ digest }: Offer): Promise<void> {
    const { policy, places, history } = this.#parts;
    const body = await this.bodyOf(digest);
    // At a start it is judged anew: the policy may be another one.
    const isForbidden = body === undefined || whatPolicyForbids(body, policy, places).length > 0;
    if (isForbidden) return await this.#came({ type: "applyFailed", digest });
    this.#baseline = history.baseline();
    const fault = await this.#switchTo(setOf(body, policy));
    if (this.#isClosed) return;
    if (fault !== undefined) this.#trouble = { digest, lines: [textOf(fault)] };
    else this.#noteForbidden([]);
    await this.#came({ type: fault === undefined ? "applied" : "applyFailed", digest });
  }

  #watchProbation({ digest }: Offer): void {
    const { policy, running, later, ...parts } = this.#parts;
    this.#watch?.[Symbol.dispose]();
    this.#watch = new ProbationWatch({
      ...parts,
      minutes: policy.probationMinutes,
      before: this.#baseline ?? { errorsByMinute: new Map(), outboxDepths: [], isTunnelUp: false },
      health: () => running.health(),
      onEnd: (faults) => later(() => this.#probationEnded(digest, faults)),
    });
  }

  async #probationEnded(digest: string, faults: readonly ProbationFault[]): Promise<void> {
    if (faults.length > 0) this.#trouble = { digest, lines: faults.map(probationText) };
    await this.#came({ type: faults.length > 0 ? "probationFailed" : "probationPassed", digest });
  }

  /** Last known good, from its stored bytes. What cannot be run now is tried again. */
  async #run(offer: Offer | undefined): Promise<void> {
    const { policy, places, conditions, clock } = this.#parts;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    const body = offer === undefined ? { channels: [] } : await this.#lastGoodBody(offer);
    if (body === undefined)
      throw new AgentError("TRUST_UNUSABLE", { cause: identifierFrom("body") });
    const { body: permitted, breaches } = permittedPart(body, policy, places);
    this.#noteForbidden(breaches);
    const fault = await this.#switchTo(setOf(permitted, policy));
    this.#unrun = fault === undefined ? undefined : { offer };
    if (fault === undefined) conditions.close("configNotRunning", "");
    else
      conditions.open("configNotRunning", "", { code: identifierFrom(fault.code) }, clock.nowMs());
  }

  /** What is forbidden of what runs now; what was, and is not any more, is closed. */
  #noteForbidden(breaches: readonly { readonly channel: string; readonly rule: string }[]): void {
    const { conditions, clock } = this.#parts;
    for (const { channel, rule } of breaches) {
      conditions.open("policyForbids", channel, { rule: identifierFrom(rule) }, clock.nowMs());
    }
    const now = new Set(breaches.map(({ channel }) => channel));
    for (const channel of this.#forbidden) {
      if (!now.has(channel)) conditions.close("policyForbids", channel);
    }
    this.#forbidden = now;
  }

  /** From the store, or where a document of it is damaged from beside it. */
  async #lastGoodBody({ digest }: Offer): Promise<SignedBody | undefined> {
    const stored = await this.bodyOf(digest);
    if (stored !== undefined) return stored;
    const { stateDir, anchor, recipient } = this.#parts;
    const bytes = readLastGood(stateDir);
    const found =
      typeof bytes === "string"
        ? undefined
        : inspectLastGood(bytes, { anchor, recipient, forbiddenKeys: forbiddenKeys(this.#parts) });
    return found?.config.digest === digest ? found.body : undefined;
  }

  /** Why what should run does not; of a start it is a reason to end. */
  get unrun(): AgentError | undefined {
    return this.#unrun === undefined ? undefined : this.#lastFault;
  }
  #lastFault: AgentError | undefined;

  /** @returns why it runs not; what ran before goes on then */
  async #switchTo(set: ChannelSet): Promise<AgentError | undefined> {
    const { running } = this.#parts;
    try {
      const applied = await running.apply(set);
      this.#lastFault = applied.kind === "wentBack" ? applied.why : undefined;
    } catch (error) {
      // The agent stops, and what is kept says where it goes on.
      if (!(error instanceof AgentError) || error.code !== "AGENT_NOT_RUNNING") throw error;
      this.#isClosed = true;
    }
    return this.#lastFault;
  }

  async #keepLastGood({ digest, epoch }: Offer): Promise<void> {
    // No chain of this tenant has signed it: what lies there is as good as anything.
    if (epoch === NO_EPOCH) return;
    const { ledger, recipient, stateDir, conditions, clock, log } = this.#parts;
    try {
      const config = await ledger.envelope("config", digest);
      const chain = await ledger.envelopes("trust", CHAIN_MAX_COUNT);
      const bundle = config && lastGoodBundle({ chain, config, recipient });
      if (bundle === undefined) throw new AgentError("AGENT_DEFECT", {});
      writeLastGood(stateDir, bundle);
      this.#isLastGoodOwed = false;
      conditions.close("lastGoodUnwritable", "");
    } catch (error) {
      // It runs, and the store has it; written again later.
      this.#isLastGoodOwed = true;
      const facts = { sysCode: codeOf(error) };
      conditions.open("lastGoodUnwritable", "", facts, clock.nowMs());
      log.write("lastGoodFailed", facts);
    }
  }

  noteFreeze(): void {
    const { conditions, clock, log } = this.#parts;
    const { freeze } = this.lifeCycle;
    if (freeze === undefined) {
      conditions.close("configFrozen", "");
      return;
    }
    const facts = { cause: identifierFrom(freeze) };
    conditions.open("configFrozen", "", facts, clock.nowMs());
    log.write("configFrozen", facts);
  }

  /** An effect has come to something: what has happened is recorded, if not now then soon. */
  async #came(event: LifeCycleEvent): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.advance(event);
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== "AUDIT_UNWRITABLE") throw error;
      this.#owed ??= { event };
      this.#parts.clock.after(AGAIN_MS, () =>
        this.#parts.later(async () => void (await this.settle())),
      );
    }
  }

  #moved(): void {
    const { current, ended } = this.lifeCycle;
    const { log, report } = this.#parts;
    const now = current ?? ended;
    if (now !== undefined) {
      const { digest, seq } = now.offer;
      log.write("configState", {
        digest: identifierFrom(digest),
        seq,
        state: identifierFrom(now.state),
      });
    }
    report();
  }

  /** What would change, for the person who says yes to it. */
  async differenceTo(digest: string) {
    const body = await this.bodyOf(digest);
    return body === undefined ? undefined : differenceOf(await this.effectiveBody(), body);
  }
}

const textOf = (fault: AgentError): string => {
  const facts = Object.entries(fault.facts).map(([name, value]) => `${name}=${value}`);
  return `${fault.summary} (${[...facts, fault.code].join(", ")}): ${fault.remedy}`;
};

function probationText(fault: ProbationFault): string {
  switch (fault.code) {
    case "channelDown":
      return `${fault.channel} does not work`;
    case "errors":
      return `${fault.channel ?? "all channels together"}: more than twice as many errors as before`;
    case "outboxGrows":
      return "the outbox grows, which it did not before";
    case "syntheticLost":
      return "a message of our own did not pass through the store";
    case "tunnelDown":
      return "the receiver is not reached any more, though the way to it is open";
  }
}
