/** What a person at the machine says and sees of remote diagnostics (08 4.2, 4.3): switch, window, and what left. @module */
import { hash } from "node:crypto";
import type { Policy } from "#config/policy.ts";
import type { Audit } from "./audit/audit.ts";
import type { AuditActor } from "./audit/entry.ts";
import type { PartName } from "./control/bundle-parts.ts";
import type { Consent } from "./control/consent.ts";
import type { Control } from "./control/control.ts";
import { type CopyHead, headText, readCopy, type SentCopy } from "./control/sent-copy.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Chance, Clock, Timer } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import { COPY_PART, COPY_STATE } from "./outbox/support/support-messages.ts";
import type { SupportStore } from "./outbox/support/support-store.ts";

/** As JSON. */
export interface SupportStatus {
  /** Whether anybody could ask: the agent is enrolled. */
  readonly isReachable: boolean;
  /** `policy.support.enabled`. */
  readonly isEnabled: boolean;
  /** The kill switch, or the policy. */
  readonly isOff: boolean;
  readonly consentLevel: number;
  readonly window: { readonly ticket: string; readonly endsAt: string } | undefined;
  readonly windowMaxHours: number;
  readonly releaseMode: string;
  /** Questions that need the yes of a person: `holdfast config approve DIGEST`. */
  readonly waiting: readonly {
    readonly digest: string;
    readonly op: string;
    readonly channel: string;
    readonly by: string;
    readonly until: string;
  }[];
  readonly sentCopyDays: number;
}

/** A line of `support list`. */
export interface SentLine {
  readonly id: number;
  readonly at: string;
  readonly state: string;
  readonly op: string;
  readonly by: string;
  readonly ticket: string;
  readonly bytes: number;
  readonly result: string | undefined;
  /** SHA-256 of what left, as the audit has it. */
  readonly sent: string | undefined;
}

/** One copy, for a person to read. */
export interface ShownCopy {
  readonly id: number;
  readonly state: string;
  readonly base64: string;
  /** Of what `base64` holds. */
  readonly sha256: string;
}

export interface SupportDeskParts {
  readonly consent: Consent;
  /** Absent where the agent was not enrolled. */
  readonly control: Control | undefined;
  readonly policy: Policy["support"];
  readonly audit: Pick<Audit, "record">;
  readonly copies: SupportStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  /** Makes one for a person at the machine. */
  readonly bundle: (names: readonly PartName[] | undefined) => Promise<Uint8Array>;
  readonly chance: Pick<Chance, "bytes">;
  readonly forgetting: { readonly everyMs: number; readonly keepMs: number };
}

const LISTED_MAX_COUNT = 500;
const NONCE_BYTES = 16;
const SYSTEM = { kind: "system", id: "agent" } as const;

export class SupportDesk implements AsyncDisposable {
  readonly #parts: SupportDeskParts;
  #forgetting: Timer | undefined;
  #isClosed = false;

  constructor(parts: SupportDeskParts) {
    this.#parts = parts;
    const { consent } = parts;
    consent.onChange(() => {
      parts.control?.recheck();
      this.#note();
    });
    this.#note();
    // Found, and not said by anybody now: switched off by hand, or while no agent ran.
    if (consent.isOff) void this.#recorded(SYSTEM, "support.foundOff").catch(() => {});
    this.#lookForHeld().catch((error: unknown) => this.#failed(error));
    this.#forget();
  }

  get status(): SupportStatus {
    const { consent, control, policy } = this.#parts;
    const { window, isOff } = consent;
    return {
      ...{ isReachable: control !== undefined, isEnabled: policy.enabled, isOff },
      ...{ consentLevel: policy.consentLevel, windowMaxHours: policy.windowMaxHours },
      ...{ releaseMode: policy.releaseMode, sentCopyDays: policy.sentCopyDays },
      waiting: (control?.waiting ?? []).map(({ untilMs, ...one }) => ({
        ...one,
        until: isoOf(untilMs),
      })),
      window: window && { ticket: window.ticket, endsAt: isoOf(window.endsMs) },
    };
  }

  /** Ends what is being answered, too. It is off even where it cannot be recorded. @throws {AgentError} */
  async off(actor: AuditActor): Promise<SupportStatus> {
    const { consent, control } = this.#parts;
    try {
      consent.turnOff();
    } finally {
      control?.recheck();
    }
    await this.#recorded(actor, "support.off");
    return this.status;
  }

  /** @throws {AgentError} `AUDIT_UNWRITABLE`, `SUPPORT_SWITCH`: it stays off */
  async on(actor: AuditActor): Promise<SupportStatus> {
    await this.#recorded(actor, "support.on");
    this.#parts.consent.turnOn();
    return this.status;
  }

  /** @throws {AgentError} `SUPPORT_IS_OFF`, `SUPPORT_WINDOW_TOO_LONG`, `AUDIT_UNWRITABLE` */
  async open(hours: number, ticket: string, actor: AuditActor): Promise<SupportStatus> {
    const { consent } = this.#parts;
    consent.refuseWindow(hours);
    await this.#recorded(actor, "support.windowOpened", ticket, `${hours} hours`);
    consent.open(hours, ticket);
    return this.status;
  }

  async close(actor: AuditActor): Promise<SupportStatus> {
    // Closed first: it is closed even where that cannot be recorded.
    if (this.#parts.consent.close()) await this.#recorded(actor, "support.windowClosed");
    return this.status;
  }

  /** What was asked and what left, newest first, at most 500. */
  async list(beforeId: number): Promise<SentLine[]> {
    const rows = await this.#parts.copies.list(beforeId, LISTED_MAX_COUNT);
    return rows.map((row) => {
      const { id, atMs, bytes, state } = row;
      const head = readCopy(row)?.head;
      return {
        ...{ id, at: isoOf(atMs), bytes, state: STATE_NAMES.get(state) ?? "?" },
        ...{ op: head?.op ?? "?", by: head?.by ?? "?", ticket: head?.ticket ?? "?" },
        ...{ result: head?.outcome?.result, sent: head?.outcome?.sent },
      };
    });
  }

  /** The answer as people read it, base64; with its digest. @throws {AgentError} `SUPPORT_COPY_UNKNOWN` */
  async show(id: number): Promise<ShownCopy> {
    const { state } = await this.#copy(id);
    return await this.#shown(id, STATE_NAMES.get(state) ?? "?");
  }

  /** A bundle for this person alone: it is kept, and sent to nobody. */
  async make(names: readonly PartName[] | undefined, actor: AuditActor): Promise<ShownCopy> {
    const { copies, bundle, clock, chance, audit } = this.#parts;
    const plain = await bundle(names);
    const sha256 = hash("sha256", plain);
    const head: CopyHead = { format: 1, op: "bundle.create", by: actor.id, ticket: "local" };
    const id = await copies.begin(chance.bytes(NONCE_BYTES), clock.nowMs(), headText(head));
    await copies.write(id, COPY_PART.plain, plain);
    await copies.keep(id, COPY_STATE.local, headText(head));
    const draft = { actor, action: "bundle.made", subject: `bundle ${id}` };
    await audit.record([{ ...draft, reason: `plain sha256 ${sha256}` }]);
    return await this.#shown(id, "local");
  }

  /** Lets a bundle leave that waits. @throws {AgentError} `BUNDLE_NOT_HELD`, `SUPPORT_IS_OFF`, why it could not */
  async release(id: number, actor: AuditActor): Promise<ShownCopy> {
    const { control, conditions } = this.#parts;
    const copy = await this.#copy(id);
    if (control === undefined) throw new AgentError("SUPPORT_UNAVAILABLE", {});
    await control.release(copy, actor);
    conditions.close("bundleWaiting", "");
    await this.#lookForHeld();
    return await this.#shown(id, "owed");
  }

  /** Whether a question of this digest waits for a yes. */
  isWaiting(digest: string): boolean {
    return this.#parts.control?.isWaiting(digest) === true;
  }

  /** @throws {AgentError} `CONFIG_NOT_WAITING`, `AUDIT_UNWRITABLE` */
  async decide(digest: string, isYes: boolean, actor: AuditActor): Promise<void> {
    await this.#parts.control?.decide(digest, isYes, actor);
    this.waitingChanged();
  }

  waitingChanged(): void {
    const { control, conditions, clock } = this.#parts;
    const count = control?.waiting.length ?? 0;
    if (count === 0) conditions.close("questionWaiting", "");
    else conditions.open("questionWaiting", "", { count }, clock.nowMs());
  }

  /** A bundle waits for a person. */
  held(id: number): void {
    const { conditions, clock } = this.#parts;
    conditions.open("bundleWaiting", "", { number: id }, clock.nowMs());
  }

  async #copy(id: number): Promise<SentCopy> {
    const [row] = await this.#parts.copies.list(id + 1, 1);
    const copy = row?.id === id ? readCopy(row) : undefined;
    if (copy === undefined) throw new AgentError("SUPPORT_COPY_UNKNOWN", {});
    return copy;
  }

  async #shown(id: number, state: string): Promise<ShownCopy> {
    const plain = await this.#parts.copies.read(id, COPY_PART.plain);
    const base64 = Buffer.from(plain).toString("base64");
    return { id, state, base64, sha256: hash("sha256", plain) };
  }

  async #lookForHeld(): Promise<void> {
    const rows = await this.#parts.copies.list(Number.MAX_SAFE_INTEGER, LISTED_MAX_COUNT);
    const held = rows.find(({ state }) => state === COPY_STATE.held);
    if (held !== undefined) this.held(held.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#forgetting?.[Symbol.dispose]();
    await this.#parts.control?.[Symbol.asyncDispose]();
    this.#parts.consent[Symbol.dispose]();
  }

  #note(): void {
    const { consent, conditions, clock, log } = this.#parts;
    const { window, isOff } = consent;
    const nowMs = clock.nowMs();
    if (isOff) conditions.open("supportOff", "", {}, nowMs);
    else conditions.close("supportOff", "");
    if (window === undefined) conditions.close("supportWindowOpen", "");
    else {
      const until = identifierFrom(isoOf(window.endsMs));
      conditions.open("supportWindowOpen", "", { until }, nowMs);
    }
    log.write("supportChanged", { isOff, isWindowOpen: window !== undefined });
  }

  /** 08 5.4: `sentCopyDays`. */
  #forget(): void {
    const { copies, clock, forgetting } = this.#parts;
    copies
      .forgetBefore(clock.nowMs() - forgetting.keepMs)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        if (this.#isClosed) return;
        this.#forgetting = clock.after(forgetting.everyMs, () => this.#forget());
      });
  }

  #failed(error: unknown): void {
    if (error instanceof AgentError && !this.#isClosed) {
      this.#parts.log.fault("questionFailed", error);
    }
  }

  async #recorded(
    actor: AuditActor,
    action: string,
    subject?: string,
    reason?: string,
  ): Promise<void> {
    const about = {
      ...(subject === undefined ? {} : { subject }),
      ...(reason === undefined ? {} : { reason }),
    };
    await this.#parts.audit.record([{ actor, action, ...about }]);
  }
}

const STATE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(COPY_STATE).map(([name, state]) => [state, name]),
);

const isoOf = (ms: number): string => new Date(ms).toISOString();
