/**
 * What may be asked of the agent from afar, and answered (08 4): questions of a closed list, never commands.
 *
 * In this order: verify → rate → consent → the audit says "accepted", flushed with the nonce → run → the copy of what
 * will leave is stored → the audit says what leaves, by its digest → it is sent. A refusal is recorded, and answered with
 * a code alone. Where one of them cannot be done, nothing leaves.
 *
 * Questions are judged one after the other, and one at a time is answered.
 *
 * @module
 */
import { hash } from "node:crypto";
import { type RefusalCode, refused } from "#documents/refusal.ts";
import type { Audit } from "../audit/audit.ts";
import type { AuditActor } from "../audit/entry.ts";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { ANSWER_OWED_MS, COMMANDS_WAITING_MAX_COUNT, NONCE_KEPT_MS } from "../limits.ts";
import { COPY_STATE } from "../outbox/support/support-messages.ts";
import type { SupportStore } from "../outbox/support/support-store.ts";
import { type Accepted, Answering, type AnsweringParts } from "./answering.ts";
import { Approvals, type WaitingQuestion } from "./approvals.ts";
import { needsApproval } from "./catalogue.ts";
import { type JudgeParts, judge, type Question, type Verdict } from "./judge.ts";
import { failure, type Reply, refusal } from "./reply.ts";
import {
  type CopyHead,
  headText,
  readCopy,
  replyIn,
  type SentCopy,
  withReply,
} from "./sent-copy.ts";

export interface ControlParts
  extends Omit<JudgeParts, "isBusy">,
    Omit<AnsweringParts, "log" | "clock" | "audit" | "copies" | "consent"> {
  readonly audit: Pick<Audit, "record" | "note">;
  readonly copies: SupportStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
  /** A question begins to wait for a person, or waits no more. */
  readonly onWaiting: () => void;
  /** Takes what is to be told; forgotten if nobody is connected, for it is told again (TP36). */
  readonly reply: (id: Uint8Array, reply: Reply) => void;
}

/** A signed document from the receiver, which gives it no authority (06 TP36). */
export interface Asked {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly document: Uint8Array;
}

const RECEIVER = { kind: "receiver", id: "commands" } as const;
/** Told again at once, after a reconnect. */
const OWED_MAX_COUNT = 1_000;

export class Control implements AsyncDisposable {
  readonly #parts: ControlParts;
  readonly #answering: Answering;
  readonly #approvals: Approvals;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#answering = new Answering(parts);
    this.#approvals = new Approvals(parts.clock);
  }

  /** Judges it in its turn; what is to be told goes to `reply`. Never rejects. */
  async asked(asked: Asked): Promise<void> {
    if (this.#isClosed) return;
    if (this.#waiting >= COMMANDS_WAITING_MAX_COUNT) {
      this.#parts.reply(asked.id, refusal("BUSY"));
      return;
    }
    this.#waiting += 1;
    const turn = this.#turn
      .then(() => this.#take(asked))
      .catch((error: unknown) => this.#failed(error));
    this.#turn = turn;
    await turn;
    this.#waiting -= 1;
  }

  /** A connection is there: what is owed is told again, for a day (TP36). Never rejects. */
  async connected(): Promise<void> {
    const { copies, clock } = this.#parts;
    try {
      for (const row of await copies.owed(OWED_MAX_COUNT)) {
        const copy = readCopy(row);
        const isOld = clock.nowMs() - row.atMs > ANSWER_OWED_MS;
        if (copy === undefined || isOld) await this.#forget(row.id, row.nonce);
        else await this.#repeat(copy);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The receiver has the answer: it is told no more (CMD_DONE). Never rejects. */
  async done(id: Uint8Array): Promise<void> {
    try {
      const copy = await this.#parts.copies.find(id);
      if (copy?.state === COPY_STATE.owed) {
        await this.#parts.copies.move(copy.id, COPY_STATE.done);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What is allowed has changed: what is not any more ends at once (08 4.3). */
  recheck(): void {
    const { consent } = this.#parts;
    this.#answering.recheck();
    if (consent.objection(2) === undefined) return;
    for (const accepted of this.#approvals.takeAll()) void this.#end(accepted, "SUPPORT_OFF");
  }

  /** Questions that wait for the yes of a person at the machine. */
  get waiting(): readonly WaitingQuestion[] {
    return this.#approvals.list;
  }

  isWaiting(digest: string): boolean {
    return this.#approvals.has(digest);
  }

  /** A person's word about one of them. @throws {AgentError} `CONFIG_NOT_WAITING`, `AUDIT_UNWRITABLE` */
  async decide(digest: string, isYes: boolean, actor: AuditActor): Promise<void> {
    const accepted = this.#approvals.take(digest);
    const { question } = accepted;
    const action = isYes ? "question.approved" : "question.rejected";
    const draft = { actor, action, subject: question.digest, decision: question.operation.name };
    try {
      await this.#parts.audit.record([draft]);
    } catch (error) {
      await this.#end(accepted, "AUDIT");
      throw error;
    }
    if (!isYes) await this.#end(accepted, "CONSENT");
    else if (question.expiresMs <= this.#parts.clock.nowMs()) await this.#end(accepted, "EXPIRED");
    else this.#answering.begin(accepted);
  }

  /**
   * A person lets a bundle leave that waits (08 5.4).
   *
   * @throws {AgentError} `BUNDLE_NOT_HELD`, `SUPPORT_IS_OFF`, or why it could not leave
   */
  async release(copy: SentCopy, actor: AuditActor): Promise<Reply> {
    if (copy.state !== COPY_STATE.held) throw new AgentError("BUNDLE_NOT_HELD", {});
    if (this.#parts.consent.objection(0) !== undefined) throw new AgentError("SUPPORT_IS_OFF", {});
    return await this.#answering.release(copy, actor);
  }

  /** What is being answered ends; it is told at the next start that it was cut off. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    this.#approvals[Symbol.dispose]();
    await this.#answering[Symbol.asyncDispose]();
  }

  async #take(asked: Asked): Promise<void> {
    const { copies, reply } = this.#parts;
    const before = await copies.find(asked.id);
    const copy = before === undefined ? undefined : readCopy(before);
    // TP36: the same bytes again are told the same, as long as the receiver may not have it.
    if (copy?.head.envelope === hash("sha256", asked.document) && copy.state !== COPY_STATE.done) {
      await this.#repeat(copy);
      return;
    }
    const verdict = await judge(asked.document, asked.id, {
      ...this.#parts,
      isBusy: () => this.#answering.isBusy,
    });
    if (verdict.kind === "accepted") await this.#accept(asked, verdict.question);
    else reply(asked.id, await this.#refused(verdict));
  }

  async #accept(asked: Asked, question: Question): Promise<void> {
    const { copies, audit, clock, reply } = this.#parts;
    const { nonce, expiresMs, document, digest } = question;
    const head: CopyHead = {
      ...{ format: 1, op: question.operation.name, by: document.engineer, ticket: document.ticket },
      ...{ question: digest, envelope: hash("sha256", asked.document) },
    };
    const actor = { kind: "engineer", id: document.engineer } as const;
    const nowMs = clock.nowMs();
    let id: number | undefined;
    try {
      id = await copies.begin(nonce, nowMs, headText(head));
      const nonces = { add: [{ nonce, expiresMs: expiresMs + NONCE_KEPT_MS }], nowMs };
      const draft = { actor, action: "question.accepted", subject: digest };
      const about = { decision: head.op, reason: `ticket ${document.ticket}` };
      await audit.record([{ ...draft, ...about }], { nonces });
    } catch (error) {
      if (id !== undefined) await copies.forget([id]).catch(() => {});
      const by = { engineer: document.engineer, digest };
      const why = refused(codeFor(error), "VM3");
      reply(asked.id, await this.#refused({ kind: "refused", why, by }));
      return;
    }
    const accepted = { id, nonce, head, question };
    if (!needsApproval(question.operation.name)) this.#answering.begin(accepted);
    else if (this.#approvals.isFull) await this.#end(accepted, "BUSY");
    else {
      this.#approvals.wait(accepted, () => void this.#end(accepted, "EXPIRED"));
      this.#parts.onWaiting();
    }
  }

  /** Of one that was accepted, and will not be run. Never rejects. */
  async #end({ id, nonce, head }: Accepted, code: RefusalCode): Promise<void> {
    const { copies, reply, onWaiting } = this.#parts;
    const told = refusal(code);
    try {
      await copies.keep(id, COPY_STATE.owed, headText(withReply(head, told)));
      reply(nonce, told);
    } catch (error) {
      this.#failed(error);
    }
    onWaiting();
  }

  /** Recorded, unless too many of them come; whoever asked hears its code and nothing else. */
  async #refused({ why, by }: Extract<Verdict, { kind: "refused" }>): Promise<Reply> {
    const { audit, log } = this.#parts;
    const { code, step, detail } = why;
    log.write("questionRefused", { code: identifierFrom(code), step: identifierFrom(step) });
    const actor = by === undefined ? RECEIVER : ({ kind: "engineer", id: by.engineer } as const);
    const reason = detail === undefined ? step : `${step} ${detail}`;
    const subject = by === undefined ? {} : { subject: by.digest };
    const draft = { actor, action: "question.refused", ...subject, decision: code, reason };
    // A refusal that cannot be recorded is a refusal; the audit says by itself that it cannot.
    await audit.note([draft]).catch(() => {});
    return refusal(code);
  }

  async #repeat(copy: SentCopy): Promise<void> {
    const { copies, reply } = this.#parts;
    const known = replyIn(copy);
    if (known !== undefined) {
      reply(copy.nonce, known);
      return;
    }
    const { nonce, state } = copy;
    const isThere = this.#answering.isUnderWay(nonce) || this.#approvals.isWaiting(nonce);
    if (state !== COPY_STATE.asked || isThere) return;
    // The process ended in between.
    const cut = failure("QUESTION_INTERRUPTED");
    await copies.keep(copy.id, COPY_STATE.owed, headText(withReply(copy.head, cut)));
    reply(copy.nonce, cut);
  }

  async #forget(id: number, nonce: Uint8Array): Promise<void> {
    if (!this.#answering.isUnderWay(nonce) && !this.#approvals.isWaiting(nonce))
      await this.#parts.copies.move(id, COPY_STATE.done);
  }

  #failed(error: unknown): void {
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    this.#parts.log.fault("questionFailed", fault);
  }
}

function codeFor(error: unknown): RefusalCode {
  switch (codeOf(error)) {
    case "NONCE_SEEN":
      return "REPLAY";
    case "AUDIT_UNWRITABLE":
      return "AUDIT";
    default:
      return "BUSY";
  }
}
