/**
 * What a person at this machine does about signed configuration: says yes or no (07 2.8, mode A), goes back (2.11), ends
 * a freeze (2.12). His name is recorded as claimed.
 *
 * @module
 */
import { ANY_TIME } from "#config/change-windows.ts";
import { isWaiting } from "#config/life-cycle-state.ts";
import { approvalFor } from "#config/policy.ts";
import { readBundle } from "#documents/bundle.ts";
import { nowOf, parseTime } from "#documents/time.ts";
import type { AuditActor } from "../audit/entry.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Configuration } from "./configuration.ts";
import { bundleFault, type DocumentOutcome } from "./outcomes.ts";
import type { ConfigurationParts } from "./parts.ts";
import { thaw } from "./thaw.ts";

export class LocalActions {
  readonly #parts: ConfigurationParts;
  readonly #configuration: Configuration;

  constructor(parts: ConfigurationParts, configuration: Configuration) {
    this.#parts = parts;
    this.#configuration = configuration;
  }

  /** 2.13: the trust chain in order, then the configuration, then approvals, then the head. */
  async importBundle(bytes: Uint8Array, actor: AuditActor): Promise<readonly DocumentOutcome[]> {
    const bundle = readBundle(bytes);
    if ("kind" in bundle) throw bundleFault(bundle);
    const { trustChain, config, approvals, head } = bundle;
    const outcomes: DocumentOutcome[] = [];
    for (const envelope of [...trustChain, config, ...approvals, head]) {
      if (envelope === undefined || this.#isKnownTrust(envelope)) continue;
      outcomes.push(await this.#configuration.take(envelope, actor));
    }
    return outcomes;
  }

  /** A stick carries the chain from its beginning, whatever is here of it already. */
  #isKnownTrust(envelope: Uint8Array): boolean {
    return this.#configuration.ledger.isKnownTrust(envelope);
  }

  /**
   * @param digest whole: two configurations with one beginning cost their author minutes, and the one that was read need
   *   not be the one that waits by now
   * @throws {AgentError} `CONFIG_NOT_WAITING`, `CONFIG_APPROVAL_MODE`
   */
  async decide(digest: string, decision: "approve" | "reject", actor: AuditActor): Promise<string> {
    const { policy } = this.#parts;
    const { driver, ledger } = this.#configuration;
    return await this.#configuration.inTurn(async () => {
      const { current } = ledger.lifeCycle;
      const isApproving = decision === "approve";
      const isIt =
        isWaiting(current) &&
        (!isApproving || current.state === "AWAITING_APPROVAL") &&
        current.offer.digest === digest.toLowerCase();
      if (!isIt) throw new AgentError("CONFIG_NOT_WAITING", {});
      const { offer, state } = current;
      const need = approvalFor(policy.approval, offer.risk);
      // What is about to start, whoever said yes to it, a person at the machine can stop, as he can in its probation.
      if (need !== "local" && (isApproving || state === "AWAITING_APPROVAL"))
        throw new AgentError("CONFIG_APPROVAL_MODE", { need: identifierFrom(need) });
      const yes = { type: "approved", digest: offer.digest, time: ANY_TIME, by: "person" } as const;
      if (!isApproving) {
        await driver.advance({ type: "rejected", digest: offer.digest }, { actor });
      } else {
        await driver.advance(yes, { actor });
        const nowMs = nowOf(ledger.time);
        await driver.advance({ type: "time", nowMs, windows: policy.changeWindows });
      }
      return offer.digest;
    });
  }

  /** @throws {AgentError} `CONFIG_NOT_IN_PROBATION` */
  async rollBack(actor: AuditActor): Promise<string> {
    const { driver, ledger } = this.#configuration;
    return await this.#configuration.inTurn(async () => {
      const { current } = ledger.lifeCycle;
      if (current?.state !== "PROBATION") throw new AgentError("CONFIG_NOT_IN_PROBATION", {});
      const { digest } = current.offer;
      await driver.advance({ type: "rollbackAsked", digest }, { actor });
      return digest;
    });
  }

  /**
   * 2.12: the highest of everything readable, after a head or a bundle has said what the newest is.
   *
   * @param bundle absent: the last head that was accepted, if it is still good
   * @throws {AgentError} `CONFIG_NOT_FROZEN`, `CONFIG_REPAIR_NEEDS_HEAD`, `CONFIG_REPAIR_NEEDS_EPOCH`, `BUNDLE_MALFORMED`
   */
  async repair(
    bundle: Uint8Array | undefined,
    actor: AuditActor,
  ): Promise<readonly DocumentOutcome[]> {
    const { keeper } = this.#parts;
    const { driver, ledger } = this.#configuration;
    if (ledger.lifeCycle.freeze === undefined) throw new AgentError("CONFIG_NOT_FROZEN", {});
    const isState = ledger.lifeCycle.freeze === "trustState";
    if (isState && keeper.frozen === "allDamaged")
      throw new AgentError("CONFIG_REPAIR_NEEDS_EPOCH", {});
    // Trust documents and heads are taken while changes are frozen; a configuration is not, and comes after.
    const first = bundle === undefined ? [] : await this.importBundle(bundle, actor);
    await this.#configuration.inTurn(async () => {
      if (isState && !this.#knowsNewest(first))
        throw new AgentError("CONFIG_REPAIR_NEEDS_HEAD", {});
      await thaw({ parts: this.#parts, ledger, driver, actor, action: "config.repaired" });
    });
    const frozen = first.some((one) => one.kind === "refused" && one.code === "FROZEN");
    return bundle !== undefined && frozen ? await this.importBundle(bundle, actor) : first;
  }

  /**
   * A head that is still good says so; a bundle whose configuration is refused for nothing but the freeze, too. Nothing
   * does while the trust document is older than the marks: its keys may have been withdrawn since.
   */
  #knowsNewest(outcomes: readonly DocumentOutcome[]): boolean {
    const { ledger } = this.#configuration;
    if (!ledger.isTrustCurrent) return false;
    const expiresMs = parseTime(ledger.head?.expires ?? "") ?? 0;
    const isOffered = outcomes.some((one) => one.kind === "refused" && one.code === "FROZEN");
    return isOffered || expiresMs > nowOf(ledger.time);
  }
}
