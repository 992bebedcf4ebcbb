/**
 * Looks after the audit while the agent runs: reads the chain through at each start and every week, and cuts off what
 * has had its time (08 6).
 *
 * What has had its time is judged by a clock that somebody may set: a network peer who answers for NTP puts it years
 * ahead. So it is cut once in a day of running, by the monotonic clock and over restarts; at most a month of entries at
 * once; and not while anything says that the clock is wrong. He needs months in which nobody sees it.
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { ConditionName, Conditions } from "../health/conditions.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { AuditRow } from "../outbox/trust/trust-messages.ts";
import type { TrustStore } from "../outbox/trust/trust-store.ts";
import type { Audit } from "./audit.ts";
import { CUT_VALUE, cutBytes, readCut } from "./cut.ts";
import type { DeviceKey } from "./device-key.ts";
import { type ChainCut, type ChainReport, verifyChain } from "./verify-chain.ts";

export interface AuditUpkeepOptions {
  readonly audit: Audit;
  readonly trust: TrustStore;
  readonly keepDays: number;
  /** Without it nothing is cut off: nobody could tell the cut from a deletion. */
  readonly key: DeviceKey | undefined;
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly log: Log;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Behind the start: listeners are open by then. */
const FIRST_MS = 10_000;
const VERIFY_HOURS = 7 * 24;
/** Of entries, by their own times: they go at once. */
const CUT_MAX_MS = 30 * DAY_MS;
/** In one transaction. */
const CUT_MAX_COUNT = 5_000;
const PAGE_ROWS = 500;
const SYSTEM = { kind: "system", id: "audit" } as const;
/** How long the agent has run since entries were cut off, in ms; by our own word. */
const RAN_VALUE = "note.auditCutRanMs";
const WRONG_CLOCK: readonly ConditionName[] = ["clockSkewed", "clockSuspect"];

export class AuditUpkeep implements AsyncDisposable {
  readonly #options: AuditUpkeepOptions;
  #timer: Timer;
  #working: Promise<void> = Promise.resolve();
  /** Passes so far: the first soon after the start, then one an hour. */
  #passes = 0;
  #passedAtMs: number;
  /** By the last look. */
  #isWhole = false;
  #isClosed = false;

  constructor(options: AuditUpkeepOptions) {
    this.#options = options;
    this.#passedAtMs = options.clock.monotonicMs();
    this.#timer = options.clock.after(FIRST_MS, () => this.#work());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
    await this.#working;
  }

  #work(): void {
    if (this.#isClosed) return;
    const pass = this.#passes;
    const nowMs = this.#options.clock.monotonicMs();
    const ranMs = nowMs - this.#passedAtMs;
    this.#passes += 1;
    this.#passedAtMs = nowMs;
    this.#working = this.#working
      .then(() => this.#pass(pass, ranMs))
      .catch((error: unknown) => {
        const fault =
          error instanceof AgentError
            ? error
            : new AgentError("AGENT_DEFECT", {}, { cause: error });
        this.#options.log.fault("auditFailed", fault);
      });
    this.#timer = this.#options.clock.after(HOUR_MS, () => this.#work());
  }

  async #pass(pass: number, ranMs: number): Promise<void> {
    // Before it is cut: a cut would hide what was altered before it.
    if (pass % VERIFY_HOURS === 0) this.#isWhole = await this.#look();
    const isDue = await this.#isCutDue(ranMs);
    // Not at a start: the receiver has not said yet what time it is.
    if (pass === 0 || !isDue || !this.#isWhole || this.#isClosed) return;
    const { conditions, trust, log } = this.#options;
    const wrong = conditions.list().find(({ condition }) => WRONG_CLOCK.includes(condition));
    if (wrong !== undefined) {
      log.write("auditCutWithheld", { cause: identifierFrom(wrong.condition) });
    } else if (await cutOld(this.#options, () => this.#isClosed)) {
      log.write("auditCutWithheld", { cause: identifierFrom("monthAtMost") });
    }
    await trust.note({ values: new Map([[RAN_VALUE, null]]) });
  }

  /** @param ranMs since it was asked last */
  async #isCutDue(ranMs: number): Promise<boolean> {
    const { trust } = this.#options;
    const before = Number(Buffer.from((await trust.load()).values.get(RAN_VALUE) ?? []).toString());
    const sinceMs = (Number.isSafeInteger(before) ? before : 0) + Math.round(ranMs);
    await trust.note({ values: new Map([[RAN_VALUE, Buffer.from(String(sinceMs))]]) });
    return sinceMs >= DAY_MS;
  }

  async #look(): Promise<boolean> {
    const { trust, audit, conditions, clock, log } = this.#options;
    const report = await verifyChain({
      page: async (after, limit) => (this.#isClosed ? [] : await trust.auditPage(after, limit)),
      cut: await cutIn(this.#options),
    });
    const [first] = report.findings;
    if (first === undefined) return true;
    const facts = {
      ...{ seq: first.seq, fault: identifierFrom(first.fault), count: report.faultCount },
    };
    conditions.open("auditBroken", "", facts, clock.nowMs());
    log.write("auditBroken", facts);
    await audit.record([brokenDraft(report, first.seq)]);
    return false;
  }
}

const brokenDraft = ({ faultCount, findings }: ChainReport, seq: number) => ({
  ...{ actor: SYSTEM, action: "integrity.audit", subject: `entry ${seq}` },
  reason: `${findings[0]?.fault ?? ""}, ${faultCount} faults`,
});

/** The cut that the store holds; one that the device key has not signed counts for nothing. */
export async function cutIn({
  trust,
  key,
}: Pick<AuditUpkeepOptions, "trust" | "key">): Promise<ChainCut | undefined> {
  const bytes = (await trust.load()).values.get(CUT_VALUE);
  if (bytes === undefined || key === undefined) return undefined;
  return readCut(bytes, (signed, signature) => key.verify(signed, signature));
}

/**
 * Cuts off entries that are older than they are kept, in steps, a month of them at most; the last entry always stays.
 *
 * @returns whether others are as old
 */
export async function cutOld(
  { audit, trust, key, keepDays, clock }: AuditUpkeepOptions,
  isClosed: () => boolean = () => false,
): Promise<boolean> {
  const [first] = await trust.auditPage(0, 1);
  if (key === undefined || first === undefined) return false;
  const oldMs = clock.nowMs() - keepDays * DAY_MS;
  const beforeMs = Math.min(oldMs, first.atMs + CUT_MAX_MS);
  let after = 0;
  while (!isClosed()) {
    const last = await lastOlder(trust, after, beforeMs, audit.head.seq);
    if (last === undefined) break;
    const { seq: throughSeq, hash } = last;
    const bytes = cutBytes({ throughSeq, hash, atMs: clock.nowMs() }, key);
    const draft = { actor: SYSTEM, action: "audit.cut", subject: `through ${throughSeq}` };
    await audit.prune(throughSeq, [draft], { values: new Map([[CUT_VALUE, bytes]]) });
    after = throughSeq;
  }
  return (await lastOlder(trust, after, oldMs, audit.head.seq)) !== undefined;
}

/** The last of the oldest entries that are all older; at most so many of them that they go in one step. */
async function lastOlder(
  trust: TrustStore,
  afterSeq: number,
  beforeMs: number,
  headSeq: number,
): Promise<AuditRow | undefined> {
  let found: AuditRow | undefined;
  let after = afterSeq;
  for (let count = 0; count < CUT_MAX_COUNT; count += PAGE_ROWS) {
    const rows = await trust.auditPage(after, PAGE_ROWS);
    for (const row of rows) {
      if (row.atMs >= beforeMs || row.seq >= headSeq) return found;
      found = row;
      after = row.seq;
    }
    if (rows.length < PAGE_ROWS) return found;
  }
  return found;
}
