/** Signed configuration as commands on this machine see it, and what they ask of it (07 2.8, 2.11 to 2.13). @module */
import { nextOpening, startTime } from "#config/change-windows.ts";
import type { Difference } from "#config/difference.ts";
import type { LifeCycle } from "#config/life-cycle-state.ts";
import { effectiveOf } from "#config/life-cycle-state.ts";
import { approvalFor } from "#config/policy.ts";
import type { AuditActor } from "./audit/entry.ts";
import type { Configuration } from "./configuration/configuration.ts";
import type { LocalActions } from "./configuration/local-actions.ts";
import type { DocumentOutcome } from "./configuration/outcomes.ts";
import type { ConfigurationParts } from "./configuration/parts.ts";
import { AgentError, type ErrorCode, type Facts } from "./errors.ts";

/** As JSON. */
export interface ConfigurationStatus {
  readonly source: "local" | "signed";
  readonly tenant: string;
  readonly agent: string;
  /** 0 before the first trust document. */
  readonly trustVersion: number;
  readonly epoch: number;
  readonly seqHigh: number;
  /** What is in effect; absent before the first. */
  readonly effective: NamedConfiguration | undefined;
  readonly lastGood: NamedConfiguration | undefined;
  /** The newest one that was ever verified, and where it stands. */
  readonly newest:
    | (NamedConfiguration & {
        readonly state: string;
        readonly risk: string;
        /** Why it ended, if it did. */
        readonly reason: string | undefined;
        /** For people: what it waits for, or went wrong with. */
        readonly waitsFor: string | undefined;
        readonly trouble: readonly string[];
      })
    | undefined;
  readonly freeze: string | undefined;
  /** What ends it: `config repair`, or what the hospital has to ask the vendor for (2.12). */
  readonly thawedBy: "repair" | "higherEpoch" | undefined;
}

export interface NamedConfiguration {
  readonly digest: string;
  readonly epoch: number;
  readonly seq: number;
}

export type ConfigurationAnswer<T> =
  | { readonly done: T }
  | { readonly fault: { readonly code: ErrorCode; readonly facts: Facts } };

export class ConfigurationDesk {
  readonly #configuration: Configuration;
  readonly #actions: LocalActions;
  readonly #parts: ConfigurationParts;

  constructor(configuration: Configuration, actions: LocalActions, parts: ConfigurationParts) {
    this.#configuration = configuration;
    this.#actions = actions;
    this.#parts = parts;
  }

  get status(): ConfigurationStatus {
    const { ledger, driver } = this.#configuration;
    const { configSource, recipient } = this.#parts;
    const { lifeCycle } = ledger;
    const { epoch, seqHigh, current, ended, lastGood, freeze } = lifeCycle;
    const newest = current ?? ended;
    const trouble = driver.trouble;
    const reason = newest !== undefined && "code" in newest ? newest.code : undefined;
    const rolledBack = newest !== undefined && "reason" in newest ? newest.reason : undefined;
    return {
      ...{ source: configSource, ...recipient, epoch, seqHigh, freeze },
      thawedBy: freeze && this.#thawedBy(freeze),
      trustVersion: ledger.trust?.version ?? 0,
      effective: named(effectiveOf(lifeCycle)),
      lastGood: named(lastGood),
      newest: newest && {
        ...{ digest: newest.offer.digest, epoch: newest.offer.epoch, seq: newest.offer.seq },
        ...{ state: newest.state, risk: newest.offer.risk, reason: reason ?? rolledBack },
        waitsFor: this.#waitsFor(lifeCycle),
        trouble: trouble?.digest === newest.offer.digest ? trouble.lines : [],
      },
    };
  }

  /** @throws {AgentError} `CONFIG_UNKNOWN` */
  difference(
    digest: string,
  ): Promise<ConfigurationAnswer<Difference & { readonly digest: string }>> {
    return answered(async () => {
      const known = this.#known(digest);
      const found = await this.#configuration.driver.differenceTo(known);
      if (found === undefined) throw new AgentError("CONFIG_UNKNOWN", {});
      return { ...found, digest: known };
    });
  }

  /** The body of what is in effect, or of another one. */
  body(digest: string | undefined): Promise<ConfigurationAnswer<unknown>> {
    return answered(async () => {
      const { driver } = this.#configuration;
      const found =
        digest === undefined
          ? await driver.effectiveBody()
          : await driver.bodyOf(this.#known(digest));
      if (found === undefined) throw new AgentError("CONFIG_UNKNOWN", {});
      return found;
    });
  }

  import(
    base64: string,
    actor: AuditActor,
  ): Promise<ConfigurationAnswer<readonly DocumentOutcome[]>> {
    return answered(() => this.#actions.importBundle(bytesOf(base64), actor));
  }

  decide(
    digest: string,
    decision: "approve" | "reject",
    actor: AuditActor,
  ): Promise<ConfigurationAnswer<ConfigurationStatus>> {
    return answered(async () => {
      await this.#actions.decide(digest, decision, actor);
      return this.status;
    });
  }

  rollBack(actor: AuditActor): Promise<ConfigurationAnswer<ConfigurationStatus>> {
    return answered(async () => {
      await this.#actions.rollBack(actor);
      return this.status;
    });
  }

  repair(
    base64: string | undefined,
    actor: AuditActor,
  ): Promise<
    ConfigurationAnswer<{
      readonly outcomes: readonly DocumentOutcome[];
      readonly status: ConfigurationStatus;
    }>
  > {
    return answered(async () => {
      const bundle = base64 === undefined ? undefined : bytesOf(base64);
      const outcomes = await this.#actions.repair(bundle, actor);
      return { outcomes, status: this.status };
    });
  }

  #thawedBy(freeze: NonNullable<LifeCycle["freeze"]>): "repair" | "higherEpoch" {
    const isUnreadable = freeze === "trustState" && this.#parts.keeper.frozen === "allDamaged";
    return isUnreadable ? "higherEpoch" : "repair";
  }

  /** The beginning of a digest names the one that waits, runs, or was the last. */
  #known(said: string): string {
    const { current, ended, lastGood } = this.#configuration.lifeCycle;
    const all = [current?.offer, lastGood, ended?.offer].flatMap((one) => one?.digest ?? []);
    return said.length < 64 ? (all.find((digest) => digest.startsWith(said)) ?? said) : said;
  }

  #waitsFor({ current }: LifeCycle): string | undefined {
    const { policy, clock } = this.#parts;
    switch (current?.state) {
      case undefined:
      case "VERIFIED":
        return undefined;
      case "AWAITING_APPROVAL":
        return approvalFor(policy.approval, current.offer.risk) === "signed"
          ? `signed approval by ${policy.approval.hospitalKeyThreshold} of policy.approval.hospitalKeys`
          : `a person: holdfast config diff ${current.offer.digest}, then holdfast config approve ${current.offer.digest}`;
      case "SCHEDULED": {
        const start = startTime(policy.changeWindows, current.approved, clock.nowMs());
        if (start.kind === "at")
          return `a change window: from ${new Date(start.opensMs).toISOString()}`;
        const opening = nextOpening(policy.changeWindows, clock.nowMs());
        return start.kind === "now" || opening === undefined
          ? "its start"
          : "an approval whose time is not over before a change window opens";
      }
      case "PREFLIGHT":
        return "what it needs to be tried";
      case "APPLYING":
        return "its channels to be open";
      case "PROBATION":
        return `the end of its probation (${policy.probationMinutes} minutes)`;
    }
  }
}

const named = (offer: NamedConfiguration | undefined): NamedConfiguration | undefined =>
  offer && { digest: offer.digest, epoch: offer.epoch, seq: offer.seq };

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

async function answered<T>(work: () => Promise<T>): Promise<ConfigurationAnswer<T>> {
  try {
    return { done: await work() };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { fault: { code: error.code, facts: error.facts } };
  }
}
