/**
 * Signed configuration in the running agent (07 2.4 to 2.13): what comes is judged one after the other, what was
 * approved comes into force, what does not do well goes back.
 *
 * @module
 */
import { startTime } from "#config/change-windows.ts";
import { step } from "#config/life-cycle.ts";
import type { LifeCycle } from "#config/life-cycle-state.ts";
import { runsOf } from "#config/life-cycle-state.ts";
import { isClockSuspect, nowOf } from "#documents/time.ts";
import type { AuditActor } from "../audit/entry.ts";
import { AgentError } from "../errors.ts";
import type { Timer } from "../host/clock.ts";
import { readLastGood } from "../marks/last-good.ts";
import { thawValues } from "../marks/trust-keeper.ts";
import { Driver, SYSTEM } from "./driver.ts";
import { noteHead } from "./head-conditions.ts";
import { HealthHistory } from "./health-history.ts";
import { type InspectedLastGood, inspectLastGood } from "./last-good-bundle.ts";
import { Ledger } from "./ledger.ts";
import type { DocumentOutcome } from "./outcomes.ts";
import { type ConfigurationParts, forbiddenKeys, refuseVendorsKeys } from "./parts.ts";
import { offerOf, recoveredLifeCycle } from "./recovery.ts";
import { Takers } from "./takers.ts";
import { thaw } from "./thaw.ts";

/** 2.8: a window that opens is never missed by more. */
const TICK_MS = 30_000;
const TICK_MIN_MS = 50;
/** By our own word: whether the process that ran last was told to stop. */
export const RUNS_VALUE = "note.configRuns";

export class Configuration implements AsyncDisposable {
  readonly ledger: Ledger;
  readonly driver: Driver;
  readonly #parts: ConfigurationParts;
  readonly #takers: Takers;
  readonly #history: HealthHistory;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;
  #isClosed = false;

  private constructor(parts: ConfigurationParts, ledger: Ledger) {
    this.#parts = parts;
    this.ledger = ledger;
    const { running, isTunnelUp, policy, clock } = parts;
    this.#history = new HealthHistory({
      ...{ isTunnelUp, clock, minutes: policy.probationMinutes },
      health: () => running.health(),
    });
    this.driver = new Driver({
      ...parts,
      ...{ ledger, history: this.#history },
      later: (work) => void this.inTurn(work).catch((error: unknown) => this.#failed(error)),
      countApprovals: () => this.#takers.countApprovals(),
      isStillApproved: () => this.#takers.isStillApproved(),
    });
    this.#takers = new Takers({ ...parts, ledger, driver: this.driver });
  }

  /**
   * Reads what is known, and begins to run it: with `configSource: signed` all channels that are to be open are open
   * when this resolves.
   *
   * @throws {AgentError} `TRUST_UNUSABLE`; why what should run cannot
   */
  static async open(parts: ConfigurationParts): Promise<Configuration> {
    const { audit, trust, keeper, clock, trusted, recipient } = parts;
    const marks = () => keeper.marks;
    const ledger = await Ledger.open({ audit, trust, clock, trusted, recipient, marks });
    refuseVendorsKeys(parts, ledger.trust);
    const configuration = new Configuration(parts, ledger);
    try {
      await configuration.inTurn(() => configuration.#begin());
    } catch (error) {
      await configuration[Symbol.asyncDispose]();
      throw error;
    }
    return configuration;
  }

  get lifeCycle(): LifeCycle {
    return this.ledger.lifeCycle;
  }

  /** One envelope, whoever brought it. @throws {AgentError} `AUDIT_UNWRITABLE`, `STORE_*`: it may come again */
  take(envelope: Uint8Array, actor: AuditActor): Promise<DocumentOutcome> {
    return this.inTurn(async () => {
      await this.#mustOweNothing();
      return await this.#takers.take(envelope, actor);
    });
  }

  /** Another identity is in use. Never rejects: what could not be kept is taken by the next start. */
  async enrolled(): Promise<void> {
    await this.inTurn(() => this.#takeEnrolment()).catch((error: unknown) => this.#failed(error));
  }

  /** Nothing else changes meanwhile. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#isClosed) throw new AgentError("AGENT_NOT_RUNNING", {});
      return work();
    });
    this.#turn = turn.then(
      () => this.#arm(),
      () => this.#arm(),
    );
    return turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.driver[Symbol.dispose]();
    this.#history[Symbol.dispose]();
    const last = this.#turn;
    this.#isClosed = true;
    await last.catch(() => {});
    this.#timer?.[Symbol.dispose]();
    const values = new Map([[RUNS_VALUE, null]]);
    // Where it cannot be written the next start takes this for a crash, and counts it.
    await this.#parts.trust.note({ values }).catch(() => {});
  }

  async #begin(): Promise<void> {
    const { configSource, trust, clock } = this.#parts;
    if (!(await this.#changeTenant())) await this.#recover();
    await this.#takeEnrolment();
    this.driver.noteFreeze();
    const { values } = await trust.load();
    const crashed = values.has(RUNS_VALUE);
    await trust.note({ values: new Map([[RUNS_VALUE, Buffer.from("1")]]) }).catch(() => {});
    if (configSource === "signed") {
      await this.#takers.recountApprovals();
      await this.driver.advance({ type: "restarted", nowMs: clock.nowMs(), crashed });
      const { unrun } = this.driver;
      if (unrun !== undefined) throw unrun;
      await this.#pass();
    }
    this.#look();
  }

  /**
   * This machine was enrolled for another tenant: numbers and marks of the one before would keep out what the new one
   * signs. The marks go first: a power cut between leaves a store that is not behind them.
   *
   * @returns whether it was
   */
  async #changeTenant(): Promise<boolean> {
    const { keeper, enrolment } = this.#parts;
    const { formerTenant } = this.ledger;
    // An older store that was put back behind an enrolment proves none.
    if (formerTenant === undefined || (keeper.frozen !== undefined && !enrolment.isNew()))
      return false;
    await keeper.beginAnew();
    const draft = { actor: SYSTEM, action: "trust.tenantChanged", reason: `was ${formerTenant}` };
    await this.ledger.keep(step(this.lifeCycle, { type: "tenantChanged" }), {
      ...{ actor: SYSTEM, drafts: [draft], isAnew: true, values: thawValues(new Map()) },
    });
    return true;
  }

  /** 2.12, the rows in which the store is not believed. */
  async #recover(): Promise<void> {
    const { keeper, configSource } = this.#parts;
    const { verdict } = keeper;
    if (verdict.kind !== "frozen" || this.lifeCycle.freeze === "trustState") return;
    const lastGood = configSource === "signed" ? this.#lastGood() : undefined;
    const runs = verdict.runs === "lastGood" ? lastGood : undefined;
    const state = recoveredLifeCycle(this.lifeCycle, verdict.floor, runs);
    const known = this.ledger.trust?.version ?? 0;
    const draft = { actor: SYSTEM, action: "trust.recovered", decision: verdict.cause };
    await this.ledger.keep(
      { state, transitions: [], effects: [] },
      {
        actor: SYSTEM,
        drafts: [{ ...draft, ...(runs === undefined ? {} : { subject: offerOf(runs).digest }) }],
        trust: (runs?.trust ?? []).filter(({ document }) => document.version > known),
        ...(runs === undefined
          ? {}
          : { document: { kind: "config", digest: runs.config.digest, envelope: runs.envelope } }),
        issuedAtMs: verdict.floor.timeFloorMs,
      },
    );
  }

  /** Its chain, as far as it is new here; and a new enrolment ends the freeze that nothing readable could end (2.12). */
  async #takeEnrolment(): Promise<void> {
    const { enrolment, keeper } = this.#parts;
    for (const envelope of enrolment.chain()) {
      if (this.ledger.isKnownTrust(envelope)) continue;
      if (!(await this.#takers.takeEnrolled(envelope, SYSTEM))) break;
    }
    if (!enrolment.isNew()) return;
    if (this.lifeCycle.freeze === "trustState" && keeper.frozen === "allDamaged") {
      const { ledger, driver } = this;
      const parts = this.#parts;
      await thaw({ parts, ledger, driver, actor: SYSTEM, action: "trust.enrolled" });
    }
    enrolment.noted();
  }

  #lastGood(): InspectedLastGood | undefined {
    const { stateDir, anchor, recipient } = this.#parts;
    const bytes = readLastGood(stateDir);
    if (typeof bytes === "string") return undefined;
    return inspectLastGood(bytes, { anchor, recipient, forbiddenKeys: forbiddenKeys(this.#parts) });
  }

  async #mustOweNothing(): Promise<void> {
    if (this.driver.isOwing && !(await this.driver.settle())) {
      throw new AgentError("AUDIT_UNWRITABLE", {});
    }
  }

  /** Whenever time may have changed something. */
  async #tick(): Promise<void> {
    const { configSource } = this.#parts;
    this.#look();
    if (!(await this.driver.settle()) || configSource === "local") return;
    await this.#pass();
  }

  /** Whatever waited for a time, and that time has come. */
  async #pass(): Promise<void> {
    const { changeWindows: windows } = this.#parts.policy;
    await this.driver.advance({ type: "time", nowMs: nowOf(this.ledger.time), windows });
  }

  #look(): void {
    const { conditions, clock, configSource } = this.#parts;
    if (isClockSuspect(this.ledger.time)) conditions.open("clockSuspect", "", {}, clock.nowMs());
    else conditions.close("clockSuspect", "");
    const isSigned = configSource === "signed";
    noteHead({ conditions, isSigned, ledger: this.ledger, nowMs: nowOf(this.ledger.time) });
  }

  /** After each turn: what comes next may be sooner now. */
  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#isClosed) return;
    this.#timer = this.#parts.clock.after(this.#nextMs(), () => {
      void this.inTurn(() => this.#tick()).catch((error: unknown) => this.#failed(error));
    });
  }

  #nextMs(): number {
    const { policy } = this.#parts;
    const { current } = this.lifeCycle;
    if (current?.state !== "SCHEDULED") return TICK_MS;
    const nowMs = nowOf(this.ledger.time);
    const start = startTime(policy.changeWindows, current.approved, nowMs);
    const opensMs = start.kind === "at" ? start.opensMs - nowMs : TICK_MS;
    return Math.max(TICK_MIN_MS, Math.min(TICK_MS, opensMs));
  }

  #failed(error: unknown): void {
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    if (fault.code !== "AGENT_NOT_RUNNING") this.#parts.log.fault("configFailed", fault);
  }

  /** What a process that starts now would run. */
  get runs(): string | undefined {
    return runsOf(this.lifeCycle)?.digest;
  }
}
