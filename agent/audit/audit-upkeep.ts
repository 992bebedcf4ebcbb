/**
 * Looks after the audit while the agent runs: reads the chain through at each start and every week, and cuts off what
 * has had its time (08 6).
 *
 * @module
 */
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
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

const DAY_MS = 86_400_000;
/** Behind the start: listeners are open by then. */
const FIRST_MS = 10_000;
const VERIFY_DAYS = 7;
/** In one transaction. */
const CUT_MAX_COUNT = 5_000;
const PAGE_ROWS = 500;
const SYSTEM = { kind: "system", id: "audit" } as const;

export class AuditUpkeep implements AsyncDisposable {
  readonly #options: AuditUpkeepOptions;
  #timer: Timer;
  #working: Promise<void> = Promise.resolve();
  #days = 0;
  #isClosed = false;

  constructor(options: AuditUpkeepOptions) {
    this.#options = options;
    this.#timer = options.clock.after(FIRST_MS, () => this.#work());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
    await this.#working;
  }

  #work(): void {
    if (this.#isClosed) return;
    this.#working = this.#day().catch((error: unknown) => {
      const fault =
        error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
      this.#options.log.fault("auditFailed", fault);
    });
    this.#days += 1;
    this.#timer = this.#options.clock.after(DAY_MS, () => this.#work());
  }

  async #day(): Promise<void> {
    // Before it is cut: a cut would hide what was altered before it.
    if (this.#days % VERIFY_DAYS === 0 && !(await this.#isWhole())) return;
    await cutOld(this.#options, () => this.#isClosed);
  }

  async #isWhole(): Promise<boolean> {
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

/** Cuts off entries that are older than they are kept, in steps; the last entry always stays. */
export async function cutOld(
  { audit, trust, key, keepDays, clock }: AuditUpkeepOptions,
  isClosed: () => boolean = () => false,
): Promise<void> {
  if (key === undefined) return;
  for (let after = 0; !isClosed(); ) {
    const beforeMs = clock.nowMs() - keepDays * DAY_MS;
    const last = await lastOlder(trust, after, beforeMs, audit.head.seq);
    if (last === undefined) return;
    const { seq: throughSeq, hash } = last;
    const bytes = cutBytes({ throughSeq, hash, atMs: clock.nowMs() }, key);
    const draft = { actor: SYSTEM, action: "audit.cut", subject: `through ${throughSeq}` };
    await audit.prune(throughSeq, [draft], { values: new Map([[CUT_VALUE, bytes]]) });
    after = throughSeq;
  }
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
