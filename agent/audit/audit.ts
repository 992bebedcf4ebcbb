/**
 * The audit (08 6): what was decided and done, in a chain that shows an edit. The only way to change trust state: the
 * change and its entry are one transaction.
 *
 * One record after the other. Where an entry cannot be written, what it stands for must not happen: whoever asked gets
 * `AUDIT_UNWRITABLE`, messages flow on, and a condition is open until the store takes an entry again. That one says how
 * many could not be written meanwhile.
 *
 * @module
 */
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import { chainHash } from "../outbox/trust/audit-hash.ts";
import type { AuditHead, AuditRow, TrustChange } from "../outbox/trust/trust-messages.ts";
import type { TrustStore } from "../outbox/trust/trust-store.ts";
import { type AuditDraft, entryBytes } from "./entry.ts";
import { Flood } from "./flood.ts";

export interface AuditOptions {
  readonly trust: TrustStore;
  readonly clock: Clock;
  readonly conditions: Conditions;
  /** Told of each commit; a record that changes values is done when it has resolved (07 VT7: then marks). */
  readonly afterCommit?: (change: TrustChange) => Promise<void>;
}

/** What is changed along with the entries. */
export type RecordedChange = Omit<TrustChange, "audit">;

/** Records that wait for their turn. */
const WAITING_MAX_COUNT = 1_000;
/** Of one record: a bundle has a chain of trust documents. */
const DRAFTS_MAX_COUNT = 100;
/** After a failure: when it is tried whether entries can be written again. */
const RETRY_MS = 5_000;
/** How often it is looked for what was suppressed. */
const SUMMARY_MS = 60_000;

const SYSTEM = { kind: "system", id: "agent" } as const;
/** When something was counted instead of recorded, last. */
const SUPPRESSED_VALUE = "note.auditSuppressedAt";
/** What is wrong with the change itself, and not with the audit. */
const REFUSALS: readonly string[] = ["NONCE_SEEN", "NONCES_FULL"];

export class Audit implements AsyncDisposable {
  readonly #options: AuditOptions;
  readonly #flood = new Flood();
  readonly #listeners: ((rows: readonly AuditRow[]) => void)[] = [];
  #head: AuditHead;
  /** The head is not known for certain: the last commit failed. */
  #isUnsure = false;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Entries that could not be written, since the last one that could. */
  #lost = 0;
  #retry: Timer | undefined;
  #summary: Timer | undefined;
  #isClosed = false;

  private constructor(options: AuditOptions, head: AuditHead) {
    this.#options = options;
    this.#head = head;
  }

  /** @throws {AgentError} `STORE_*` */
  static async open(options: AuditOptions): Promise<Audit> {
    return new Audit(options, await options.trust.auditHead());
  }

  /** The last entry that is durable. */
  get head(): AuditHead {
    return this.#head;
  }

  /** Entries of the last failure that are not made up for yet. */
  get lostCount(): number {
    return this.#lost;
  }

  /** Calls `listener` with entries once they are durable, in order. */
  onRecorded(listener: (rows: readonly AuditRow[]) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Writes entries, and what they stand for, in one transaction.
   *
   * @param drafts one to 100, in order
   * @returns when it is durable
   * @throws {AgentError} `AUDIT_UNWRITABLE`, and nothing has changed; `NONCE_SEEN`, `NONCES_FULL`
   */
  record(drafts: readonly AuditDraft[], change: RecordedChange = {}): Promise<void> {
    return this.#inTurn(drafts, change, (whole) => this.#options.trust.commit(whole));
  }

  /**
   * The same for what somebody else can cause as often as he likes: beyond a bound of one actor and action only their
   * number is recorded (A02, {@link Flood}).
   *
   * @returns whether all of them became entries
   */
  async note(drafts: readonly AuditDraft[]): Promise<boolean> {
    const nowMs = this.#options.clock.monotonicMs();
    const admitted = drafts.filter((draft) => this.#flood.admits(draft, nowMs));
    this.#summary ??= this.#options.clock.after(SUMMARY_MS, () => this.#sumUp());
    if (admitted.length > 0) await this.record(admitted);
    return admitted.length === drafts.length;
  }

  /**
   * The same for what is done only if it is recorded: what is counted alone must find an audit that could take it.
   *
   * @throws {AgentError} `AUDIT_UNWRITABLE`: it must not happen
   */
  async noteBefore(draft: AuditDraft): Promise<void> {
    if (!(await this.note([draft]))) await this.#mustBeWritable();
  }

  /** Forgets entries up to a seq; the change is made in the same transaction. @throws as `record` */
  prune(throughSeq: number, drafts: readonly AuditDraft[], change: RecordedChange): Promise<void> {
    return this.#inTurn(drafts, change, (whole) =>
      this.#options.trust.auditPrune({ throughSeq, change: whole }),
    );
  }

  /** Writes what was counted, and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#summary?.[Symbol.dispose]();
    const drafts = this.#flood.summaries(this.#options.clock.monotonicMs(), true);
    if (drafts.length > 0) await this.record(drafts.slice(0, DRAFTS_MAX_COUNT)).catch(() => {});
    this.#isClosed = true;
    this.#retry?.[Symbol.dispose]();
    await this.#last.catch(() => {});
  }

  #inTurn(
    drafts: readonly AuditDraft[],
    change: RecordedChange,
    commit: (change: TrustChange) => Promise<void>,
  ): Promise<void> {
    const count = drafts.length;
    if (count === 0 || count > DRAFTS_MAX_COUNT) {
      throw new RangeError(`Cannot record ${count} entries at once`);
    }
    if (this.#isClosed || this.#waiting >= WAITING_MAX_COUNT) {
      this.#lost += count;
      return Promise.reject(new AgentError("AUDIT_UNWRITABLE", { waiting: this.#waiting }));
    }
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#write(drafts, change, commit));
    this.#last = turn.then(
      () => this.#done(),
      () => this.#done(),
    );
    return turn;
  }

  /** Leaves a mark in the store, of which there is one however often. @throws {AgentError} `AUDIT_UNWRITABLE` */
  async #mustBeWritable(): Promise<void> {
    const atMs = Buffer.from(String(this.#options.clock.nowMs()));
    try {
      await this.#options.trust.note({ values: new Map([[SUPPRESSED_VALUE, atMs]]) });
    } catch (error) {
      this.#failed(error, 1);
      throw unwritable(error);
    }
  }

  #done(): void {
    this.#waiting -= 1;
  }

  async #write(
    drafts: readonly AuditDraft[],
    change: RecordedChange,
    commit: (change: TrustChange) => Promise<void>,
  ): Promise<void> {
    await this.#written(await this.#committed(drafts, change, commit));
  }

  async #committed(
    drafts: readonly AuditDraft[],
    change: RecordedChange,
    commit: (change: TrustChange) => Promise<void>,
  ): Promise<TrustChange> {
    const { trust } = this.#options;
    try {
      // What a failed commit has left is in the store alone.
      if (this.#isUnsure) this.#head = await trust.auditHead();
      this.#isUnsure = false;
      const lost = this.#lost;
      const all = lost === 0 ? drafts : [gap(lost), ...drafts];
      const whole = { ...change, audit: this.#rowsOf(all) };
      await commit(whole);
      this.#lost -= lost;
      return whole;
    } catch (error) {
      this.#isUnsure = true;
      if (error instanceof AgentError && REFUSALS.includes(error.code)) throw error;
      this.#failed(error, drafts.length);
      throw unwritable(error);
    }
  }

  #rowsOf(drafts: readonly AuditDraft[]): AuditRow[] {
    const { clock } = this.#options;
    const [atMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    let { seq, hash } = this.#head;
    return drafts.map((draft) => {
      seq += 1;
      const bytes = entryBytes(draft, { seq, atMs, monotonicMs, prev: hash });
      hash = chainHash(hash, bytes);
      return { seq, atMs, bytes, hash };
    });
  }

  async #written(change: TrustChange): Promise<void> {
    const { audit: rows, values } = change;
    const last = rows.at(-1);
    if (last !== undefined) this.#head = { seq: last.seq, hash: last.hash };
    this.#options.conditions.close("auditUnwritable", "");
    for (const listener of this.#listeners) listener(rows);
    const noted = this.#options.afterCommit?.(change);
    if (values !== undefined) await noted;
  }

  #failed(error: unknown, count: number): void {
    const { conditions, clock } = this.#options;
    this.#lost += count;
    const code = error instanceof AgentError ? { code: identifierFrom(error.code) } : {};
    conditions.open("auditUnwritable", "", { count: this.#lost, ...code }, clock.nowMs());
    this.#retry?.[Symbol.dispose]();
    if (this.#isClosed) return;
    // The entry that comes first then says how many are missing.
    this.#retry = clock.after(RETRY_MS, () => {
      if (!this.#isClosed && this.#lost > 0) void this.#tryAgain();
    });
  }

  async #tryAgain(): Promise<void> {
    const draft = { actor: SYSTEM, action: "audit.writable" };
    // Counted as lost again where it fails: it is none that anybody misses.
    await this.record([draft]).catch(() => {
      this.#lost -= 1;
    });
  }

  #sumUp(): void {
    const { clock } = this.#options;
    const drafts = this.#flood.summaries(clock.monotonicMs());
    this.#summary = this.#flood.isEmpty ? undefined : clock.after(SUMMARY_MS, () => this.#sumUp());
    for (let at = 0; at < drafts.length; at += DRAFTS_MAX_COUNT) {
      void this.record(drafts.slice(at, at + DRAFTS_MAX_COUNT)).catch(() => {});
    }
  }
}

const gap = (count: number): AuditDraft => ({
  ...{ actor: SYSTEM, action: "audit.gap", reason: `${count} entries could not be written` },
});

const unwritable = (cause: unknown): AgentError =>
  new AgentError("AUDIT_UNWRITABLE", { sysCode: codeOf(cause) }, { cause });
