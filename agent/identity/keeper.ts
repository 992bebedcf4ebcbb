/**
 * Who the agent is while it runs: which identity the tunnel shows, when it is renewed, when the new one takes over
 * (07 1.6).
 *
 * ```
 *   current ── a third of its lifetime left, or it has ended ──► renew (N1 to N5) ──► next is whole
 *      ▲                                                                                │
 *      └─────────── promote (N6) ◄── a receiver welcomes next ◄── the tunnel dials anew ┘
 * ```
 *
 * Whatever fails here, messages are taken and kept: trouble is a condition, and is tried again.
 *
 * @module
 */
import type { Identity } from "#certs/identity.ts";
import type { SlotIdentity } from "#certs/slot.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Chance, Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { Tasks } from "../host/tasks.ts";
import { PREVIOUS_IDENTITY_KEPT_MS, RENEWAL_LOOK_MS, RENEWAL_OVERDUE_DAYS } from "../limits.ts";
import type { Identities } from "../tunnel/identities.ts";
import type { RefusalReason } from "../tunnel/refusal-reasons.ts";
import type { Ask } from "./doors.ts";
import { type LoadedIdentities, loadIdentities } from "./loading.ts";
import { ReceiverTime } from "./receiver-time.ts";
import { type HeldTrust, type TrustEffect, trustEffect, trusting } from "./receiver-trust.ts";
import { renew } from "./renewal.ts";
import { daysLeft, isOverdue, renewalDueMs, renewalRetryMs } from "./schedule.ts";

export interface KeeperOptions {
  readonly store: IdentityStore;
  /** Aborted by whoever disposes the keeper. */
  readonly ask: Ask;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
  /** 08 PL10. */
  readonly overdueDays?: number | undefined;
}

/** What `status` and `identity show` tell of a running agent. */
export interface IdentityStanding {
  readonly serialHex: string;
  readonly generation: number;
  readonly notAfterMs: number;
  /** By the receiver's clock; undefined for an identity that the agent cannot renew. */
  readonly renewalDueMs: number | undefined;
  /** There is a newer one that no receiver has welcomed yet. */
  readonly hasNext: boolean;
  /** Of the latest renewal, if it failed. */
  readonly lastError: AgentError | undefined;
}

export class IdentityKeeper implements Identities, Disposable {
  readonly #options: KeeperOptions;
  readonly #time: ReceiverTime;
  /** What the receiver has welcomed last. */
  #welcomedSlot: string | undefined;
  /** Slots that a receiver has refused since one was welcomed. */
  readonly #refused = new Set<string>();
  #held: LoadedIdentities;
  #dueMs = 0;
  #retryAtMs: number | undefined;
  #failures = 0;
  #lastError: AgentError | undefined;
  #renewing: Promise<void> | undefined;
  /** Whatever writes keys goes one behind the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #reconnect: () => void = () => {};
  #inUse: () => void = () => {};
  /** Trust documents that are known, oldest first. */
  #trust: readonly HeldTrust[] = [];
  #timer: Timer | undefined;
  #prevTimer: Timer | undefined;
  #isDisposed = false;

  /**
   * Reads what is there, and changes nothing yet.
   *
   * @throws {AgentError} `IDENTITY_MISSING`, `IDENTITY_DAMAGED`, `IDENTITY_FOLDER_UNSAFE`, `KEK_WRONG`
   */
  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#time = new ReceiverTime(options.clock);
    this.#held = loadIdentities(options.store, options.log);
    this.#schedule();
  }

  /**
   * Begins to watch, once this process alone writes here.
   *
   * @param reconnect shows `identity()` anew
   * @param inUse another identity has become the one in use
   */
  begin(reconnect: () => void, inUse: () => void = () => {}): void {
    const { store } = this.#options;
    this.#reconnect = reconnect;
    this.#inUse = inUse;
    this.#tried(() => {
      store.sweep();
      store.adopt();
    });
    this.#erasePrevLater();
    this.#look();
  }

  identity(): Identity {
    const { current, next } = this.#held;
    // N7 A whole `next` first.
    const candidates = [next, current].filter((one) => one !== undefined);
    const [first] = candidates;
    const chosen = candidates.find(({ slot }) => !this.#refused.has(slot)) ?? first;
    if (chosen === undefined) throw new AgentError("IDENTITY_MISSING", {});
    return chosen;
  }

  /** Whose device key signs heads and marks: what is current, or the first that will be. */
  get signer(): SlotIdentity | undefined {
    return this.#held.current ?? this.#held.next;
  }

  welcomed(identity: Identity, receiverNowMs: number): void {
    this.#time.heard(receiverNowMs);
    const { current, next } = this.#held;
    const shown = this.#shownBy(identity);
    this.#welcomedSlot = shown?.slot;
    if (next !== undefined && shown === next) this.#promote(next);
    else if (shown === current && next !== undefined && this.#refused.has(next.slot)) {
      this.#demote(next);
    }
    this.#refused.clear();
    this.#judgeEnd();
  }

  refused(identity: Identity, reason: RefusalReason, receiverNowMs: number | undefined): boolean {
    if (receiverNowMs !== undefined) this.#time.heard(receiverNowMs);
    const { next } = this.#held;
    const shown = this.#shownBy(identity);
    if (shown === undefined) return false;
    this.#refused.add(shown.slot);
    // The newest one has ended before it was ever used: it is what a recovery goes on from.
    if (shown === next && reason === "CERT_HAS_EXPIRED") this.#promote(next);
    const left = [this.#held.next, this.#held.current].some(
      (one) => one !== undefined && !this.#refused.has(one.slot),
    );
    if (!left) this.#refused.clear();
    if (reason === "CERT_HAS_EXPIRED" && this.#isRetryDue()) this.#renewSoon();
    return left;
  }

  /**
   * Trust documents are known: what the store kept of them at a start, or one that was accepted just now (07 1.9).
   * They count from the next connection on, also where the slots cannot be written: the store has them.
   *
   * @param held oldest first
   */
  trusts(held: readonly HeldTrust[]): TrustEffect {
    this.#trust = [...this.#trust, ...held];
    const before = this.#held;
    this.#held = { current: this.#trusting(before.current), next: this.#trusting(before.next) };
    return trustEffect(before, this.#held);
  }

  /** A person asks for it (`identity renew`). @throws {AgentError} why it could not be renewed */
  async renewNow(): Promise<IdentityStanding> {
    await this.#renew();
    return this.standing;
  }

  /** A person has enrolled or imported another identity: the tunnel shows it next. @throws {AgentError} `IDENTITY_MISSING` */
  async adopt(): Promise<IdentityStanding> {
    await this.exclusively(async () => {
      const slot = this.#options.store.adopt();
      if (slot === undefined) throw new AgentError("IDENTITY_MISSING", {});
      this.#held = { ...this.#held, next: this.#trusting(slot.load()) };
      this.#refused.clear();
    });
    this.#reconnect();
    return this.standing;
  }

  /** Waits for its turn, so that nothing else writes keys meanwhile (08 2.3). */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  get standing(): IdentityStanding {
    const { current, next } = this.#held;
    const inUse = current ?? next;
    if (inUse === undefined) throw new AgentError("IDENTITY_MISSING", {});
    const { serialHex, generation, notAfterMs, keys } = inUse;
    return {
      ...{ serialHex, generation, notAfterMs },
      renewalDueMs: keys.device === undefined ? undefined : this.#dueMs,
      hasNext: current !== undefined && next !== undefined,
      lastError: this.#lastError,
    };
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#prevTimer?.[Symbol.dispose]();
  }

  /** Once an hour: a machine that slept, or a clock that was set, has other timers than it thinks. */
  #look(): void {
    if (this.#isDisposed) return;
    this.#judgeEnd();
    const { current, next } = this.#held;
    const nowMs = this.#time.nowMs();
    const isDue = nowMs >= (this.#retryAtMs ?? this.#dueMs);
    if (next !== undefined && this.#welcomedSlot === next.slot) this.#promote(next);
    else if (current !== undefined && next !== undefined) this.#reconnect();
    else if (isDue) this.#renewSoon();
    this.#arm();
  }

  #arm(): void {
    const waitMs = (this.#retryAtMs ?? this.#dueMs) - this.#time.nowMs();
    const delayMs = waitMs <= 0 ? RENEWAL_LOOK_MS : Math.min(RENEWAL_LOOK_MS, waitMs);
    this.#timer?.[Symbol.dispose]();
    if (this.#isDisposed) return;
    this.#timer = this.#options.clock.after(delayMs, () => this.#look());
  }

  #renewSoon(): void {
    if (this.#isDisposed || this.#renewing !== undefined) return;
    if (this.#held.current?.keys.device === undefined) return;
    this.#options.tasks.run("identity.renew", async () => {
      // Told by a condition, and tried again.
      await this.#renew().catch(ignoreFaults);
    });
  }

  /** Concurrent callers get the same renewal. */
  #renew(): Promise<void> {
    this.#renewing ??= this.exclusively(() => this.#renewOnce()).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { store, log } = this.#options;
    const { current, next } = this.#held;
    if ((next ?? current)?.keys.device === undefined) {
      throw new AgentError("RENEWAL_IMPOSSIBLE", {});
    }
    if (current === undefined || next !== undefined) return this.#reconnect();
    try {
      const onServerTime = (time: string): void => this.#time.heard(Date.parse(time));
      const slot = await renew({ store, ask: this.#ask, onServerTime }, current);
      const loaded = this.#trusting(slot.load());
      this.#held = { ...this.#held, next: loaded };
      this.#succeeded();
      const hadEnded = this.#time.nowMs() > current.notAfterMs;
      log.write(hadEnded ? "identityRecovered" : "identityRenewed", factsOf(loaded));
      this.#reconnect();
    } catch (error) {
      if (error instanceof AgentError) this.#failed(error);
      throw error;
    }
  }

  /** A trust document may come between two requests of one renewal. */
  readonly #ask: Ask = (identity, path, body) => {
    const { receiverCaPem } = this.#held.current ?? identity;
    return this.#options.ask({ ...identity, receiverCaPem }, path, body);
  };

  /** Which of ours a connection was made with: another trust document makes another object of the same identity. */
  #shownBy({ certificatePem }: Identity): SlotIdentity | undefined {
    const { current, next } = this.#held;
    return [next, current].find((one) => one?.certificatePem === certificatePem);
  }

  /** As it trusts now; its slot says so, too, for commands that ask no agent, and should the store be lost. */
  #trusting<T extends SlotIdentity | undefined>(identity: T): T | SlotIdentity {
    if (identity === undefined) return identity;
    const now = trusting(identity, this.#trust);
    if (now === identity) return identity;
    const { store, log } = this.#options;
    try {
      store.named(now.slot).keepTrust(now);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      log.fault("receiverCasUnwritten", error);
    }
    return now;
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#retryAtMs = undefined;
    this.#lastError = undefined;
    this.#options.conditions.close("renewalFailing", "");
  }

  #failed(error: AgentError): void {
    if (this.#isDisposed) return;
    const { chance, clock, conditions, log } = this.#options;
    this.#failures += 1;
    this.#lastError = error;
    this.#retryAtMs = this.#time.nowMs() + renewalRetryMs(this.#failures, chance.unit());
    const why = error.facts["code"];
    const code = identifierFrom(typeof why === "string" ? why : error.code);
    conditions.open("renewalFailing", "", { code }, clock.nowMs());
    log.fault("renewalFailed", error);
    this.#arm();
  }

  /** N6 */
  #promote(next: SlotIdentity): void {
    const { store, clock, log } = this.#options;
    const done = this.#tried(() => void store.promote(next.slot, clock.nowMs()));
    if (!done) return;
    this.#held = { current: next, next: undefined };
    log.write("identityInUse", factsOf(next));
    this.#inUse();
    this.#succeeded();
    this.#schedule();
    this.#erasePrevLater();
    this.#arm();
  }

  /** The receiver issued it, and does not know it any more (a restored copy of it): asked for again. */
  #demote(next: SlotIdentity): void {
    const { store, log } = this.#options;
    log.write("identityDropped", factsOf(next));
    this.#held = { current: this.#held.current, next: undefined };
    this.#tried(() => store.next?.reopen());
    this.#failures += 1;
    const { chance } = this.#options;
    this.#retryAtMs = this.#time.nowMs() + renewalRetryMs(this.#failures, chance.unit());
    this.#arm();
  }

  #schedule(): void {
    const { current, next } = this.#held;
    const inUse = current ?? next;
    if (inUse !== undefined) this.#dueMs = renewalDueMs(inUse, this.#options.chance.unit());
    this.#retryAtMs = undefined;
  }

  #isRetryDue(): boolean {
    return this.#retryAtMs === undefined || this.#time.nowMs() >= this.#retryAtMs;
  }

  #judgeEnd(): void {
    const { conditions, clock, overdueDays = RENEWAL_OVERDUE_DAYS } = this.#options;
    const newest = this.#held.next ?? this.#held.current;
    if (newest === undefined) return;
    const nowMs = this.#time.nowMs();
    if (isOverdue(newest, nowMs, overdueDays)) {
      const facts = { days: daysLeft(newest, nowMs) };
      conditions.open("renewalOverdue", "", facts, clock.nowMs());
    } else conditions.close("renewalOverdue", "");
  }

  #erasePrevLater(): void {
    const { store, clock } = this.#options;
    const sinceMs = store.prevSinceMs;
    if (sinceMs === undefined) return;
    // A clock that was set back says nothing about the age.
    const ageMs = Math.max(0, clock.nowMs() - sinceMs);
    const leftMs = Math.max(0, PREVIOUS_IDENTITY_KEPT_MS - ageMs);
    this.#prevTimer?.[Symbol.dispose]();
    this.#prevTimer = clock.after(leftMs, () => this.#tried(() => store.erasePrev()));
  }

  /** Of what can be done again later: a full disk is no reason to stop. */
  #tried(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#failed(error);
      return false;
    }
  }
}

const factsOf = ({ serialHex, generation }: SlotIdentity) => ({
  serial: identifierFrom(serialHex),
  generation,
});

function ignoreFaults(error: unknown): void {
  if (!(error instanceof AgentError)) throw error;
}
