/**
 * The order in which a release takes the place of another one (07 section 3): verified, approved, in its window →
 * installed beside what runs → exchanged → watched → kept, or the one before is put back and started. Each step is in
 * the journal before it is taken, so that whoever runs this after a crash knows what to finish.
 *
 * @module
 */
import { ANY_TIME, type ChangeWindow, startTime } from "#config/change-windows.ts";
import { approvalFor, type Policy } from "#config/policy.ts";
import { type MarksStore, marksAfterInstall } from "#releases/marks.ts";
import type { Clock } from "../host/clock.ts";
import type { UpdateApproval } from "./approval.ts";
import type { Hands } from "./hands.ts";
import { type Worse, whatIsWorse } from "./health.ts";
import type { Journal, JournalFile, KeptRelease, Outcome, Served } from "./journal.ts";

/** From the order to exchange: the old one may take 30 s to end, and all of it stays below 60 s. */
const TEST_MS = 40_000;
/** So long it must be well, as one process. */
const STEADY_MS = 5_000;
/** For the one before, which is started from files that ran. */
const BACK_MS = 40_000;
const LOOK_MS = 500;
/** An approval that was used is deleted by the agent, too. */
const USED_MAX_COUNT = 32;

/** Why nothing is done yet; asked again at the next run. */
export type Waiting =
  | "off"
  | "notApproved"
  | "approvalMode"
  | "window"
  | "notServing"
  | "notCurrent";

export type Run =
  | { readonly kind: "waiting"; readonly why: Waiting }
  | { readonly kind: "ended"; readonly outcome: Outcome }
  /** The one before does not serve yet, or the package manager is behind: the next run goes on. */
  | { readonly kind: "unfinished"; readonly step: Journal["step"] };

/** A package that may be installed, or the word of the check that refuses it. */
export type Candidate = KeptRelease | { readonly refused: string };

export interface UpdaterOptions {
  readonly journal: Pick<JournalFile, "write">;
  readonly hands: Hands;
  readonly marks: MarksStore;
  readonly policy: Policy;
  /** What the agent has written, if anything. */
  readonly approval: () => UpdateApproval | undefined;
  /** Verifies what the approval names, by itself, and keeps the bytes that it verified. */
  readonly candidate: (approval: UpdateApproval, journal: Journal) => Promise<Candidate>;
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
}

export class Updater {
  readonly #options: UpdaterOptions;
  #journal: Journal;

  /** @param journal as it was read */
  constructor(options: UpdaterOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
  }

  /** Finishes what was interrupted; else takes the next step that somebody has approved. */
  async run(): Promise<Run> {
    const ran = this.#journal.step === "idle" ? await this.#begin() : await this.#finish();
    if (this.#journal.step === "idle") await this.#tell();
    return ran;
  }

  async #begin(): Promise<Run> {
    const { policy, hands, approval, clock } = this.#options;
    if (policy.updates.mode !== "apply") return waiting("off");
    const yes = approval();
    if (yes === undefined || this.#journal.used.includes(yes.id)) return waiting("notApproved");
    // As for a configuration of class `high`; that its documents are signed the updater cannot see here.
    if (approvalFor(policy.approval, "high") !== "local") return waiting("approvalMode");
    if (!isOpen(policy.changeWindows, clock.nowMs())) return waiting("window");
    const before = await hands.serving();
    if (before === undefined) return waiting("notServing");
    // Somebody has installed another one by hand: there is no package to go back to.
    if (before.version !== this.#journal.current.version) return waiting("notCurrent");
    const used = [...this.#journal.used, yes.id].slice(-USED_MAX_COUNT);
    const found = this.#unlessNoWayBack(await this.#options.candidate(yes, this.#journal));
    if ("refused" in found) {
      hands.keepOnly(this.#kept(this.#journal));
      const { digest, by } = yes;
      const from = this.#journal.current.version;
      this.#write({
        ...this.#journal,
        used,
        told: false,
        outcome: {
          ...{ kind: "refused", digest, from, reason: found.refused, by, at: this.#now() },
        },
      });
      return this.#ended();
    }
    return await this.#install({ ...found, by: yes.by }, before, used);
  }

  /**
   * The first start of a program brings the store to its schema, and a program refuses the store of a newer one (05 S5):
   * the one before could not serve any more.
   */
  #unlessNoWayBack(found: Candidate): Candidate {
    if ("refused" in found) return found;
    const { hands } = this.#options;
    const schema = hands.storeSchema(this.#journal.current);
    const isSame = schema !== undefined && schema === hands.storeSchema(found);
    return isSame ? found : { refused: "STORE_SCHEMA" };
  }

  async #install(next: NonNullable<Journal["next"]>, before: Served, used: string[]): Promise<Run> {
    const { hands } = this.#options;
    // Before the journal says that there is something to go back from.
    hands.save();
    this.#write({ ...this.#journal, step: "installing", next, before, used });
    if (!hands.install(next)) return await this.#goBack("install");
    this.#write({ ...this.#journal, step: "switching" });
    hands.exchange();
    const worse = await this.#watch(before, next.version, TEST_MS);
    if (worse !== undefined) return await this.#goBack(worse);
    this.#write({ ...this.#journal, step: "committing" });
    return await this.#commit();
  }

  /** @returns why it is not kept; `undefined` once one process has been well for long enough */
  async #watch(before: Served, version: string, limitMs: number): Promise<Worse | undefined> {
    const { hands, clock } = this.#options;
    const endMs = clock.monotonicMs() + limitMs;
    let well: { readonly sinceMs: number; readonly pid: number } | undefined;
    for (;;) {
      const now = await hands.serving();
      const nowMs = clock.monotonicMs();
      const worse = whatIsWorse(before, now, version);
      if (worse !== undefined || now === undefined) well = undefined;
      else if (well?.pid !== now.pid) well = { sinceMs: nowMs, pid: now.pid };
      if (well !== undefined && nowMs - well.sinceMs >= STEADY_MS) return undefined;
      // What has just become well is given its time, once.
      if (nowMs >= (well === undefined ? endMs : endMs + STEADY_MS)) return worse ?? "silent";
      await hands.pause(LOOK_MS);
    }
  }

  async #finish(): Promise<Run> {
    switch (this.#journal.step) {
      case "committing":
        return await this.#commit();
      case "tidying":
        return this.#tidy();
      case "goingBack":
        return await this.#goBack(this.#journal.reason ?? "interrupted");
      default:
        return await this.#goBack("interrupted");
    }
  }

  /** Idempotent: marks first, for a release that is kept must never be followed by an older one (W4, W11). */
  async #commit(): Promise<Run> {
    const { hands, marks } = this.#options;
    const { next, current } = this.#journal;
    if (next === undefined) return this.#unfinished();
    const { by, ...release } = next;
    const known = await marks.read();
    const isCounted = known.releaseCounter === release.releaseCounter;
    if (!isCounted) await marks.write(marksAfterInstall(known, release.releaseCounter));
    hands.keepOwn();
    const { digest, version } = release;
    const outcome = { kind: "committed", digest, from: current.version, to: version, by } as const;
    this.#settle({ current: release, previous: current }, { ...outcome, at: this.#now() });
    return this.#ended();
  }

  /** If it is the one before that runs, because nobody has exchanged it yet, it is not touched. */
  async #goBack(reason: string): Promise<Run> {
    const { hands } = this.#options;
    const { before, current } = this.#journal;
    if (before === undefined) return this.#unfinished();
    this.#write({ ...this.#journal, step: "goingBack", reason });
    const now = await hands.serving();
    hands.restore();
    if (now?.version !== current.version) {
      hands.kill();
      hands.exchange();
      // Whether the receiver can be reached is not for this one to say.
      const worse = await this.#watch({ ...before, connected: false }, current.version, BACK_MS);
      if (worse !== undefined) return this.#unfinished();
    }
    this.#write({ ...this.#journal, step: "tidying" });
    return this.#tidy();
  }

  /** The one before serves; the package manager has to know so, too. */
  #tidy(): Run {
    const { hands } = this.#options;
    const { next, current, previous, reason = "interrupted" } = this.#journal;
    if (next === undefined || !hands.install(current)) return this.#unfinished();
    const { digest, version, by } = next;
    const outcome = { kind: "wentBack", digest, from: current.version, to: version } as const;
    this.#settle({ current, previous }, { ...outcome, reason, by, at: this.#now() });
    return this.#ended();
  }

  #settle(kept: Pick<Journal, "current" | "previous">, outcome: Outcome): void {
    const { used } = this.#journal;
    this.#write({ step: "idle", ...kept, used, outcome, told: false });
    this.#options.hands.keepOnly(this.#kept(kept));
  }

  #kept({ current, previous }: Pick<Journal, "current" | "previous">): string[] {
    return [current, previous].flatMap((one) => (one === undefined ? [] : one.digest));
  }

  /** The agent may not run just then: the next run tells it. */
  async #tell(): Promise<void> {
    const { outcome, told } = this.#journal;
    if (told || outcome === undefined || !(await this.#options.hands.tell(outcome))) return;
    this.#write({ ...this.#journal, told: true });
  }

  #ended(): Run {
    const { outcome } = this.#journal;
    return outcome === undefined ? this.#unfinished() : { kind: "ended", outcome };
  }

  #unfinished(): Run {
    return { kind: "unfinished", step: this.#journal.step };
  }

  #write(journal: Journal): void {
    this.#options.journal.write(journal);
    this.#journal = journal;
  }

  #now(): string {
    return new Date(this.#options.clock.nowMs()).toISOString();
  }
}

const waiting = (why: Waiting): Run => ({ kind: "waiting", why });

const isOpen = (windows: readonly ChangeWindow[], nowMs: number): boolean =>
  startTime(windows, ANY_TIME, nowMs).kind === "now";
