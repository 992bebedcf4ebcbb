/**
 * One question that was accepted, on its way to its answer: run within its time, kept, recorded, sent (08 4.4).
 *
 * Until `keep` says so in its last step, a crash leaves a question without an answer, and whoever asked is told that.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { Audit } from "../audit/audit.ts";
import type { AuditActor } from "../audit/entry.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { ANSWER_MAX_BYTES, INLINE_ANSWER_MAX_BYTES, QUESTION_MAX_MS } from "../limits.ts";
import { COPY_PART, COPY_STATE } from "../outbox/support/support-messages.ts";
import type { SupportStore } from "../outbox/support/support-store.ts";
import type { Answered } from "./answer.ts";
import type { ConsentLevel, Operation } from "./catalogue.ts";
import type { Consent } from "./consent.ts";
import type { Question } from "./judge.ts";
import { elsewhere, failure, json, type MessagePlace, type Reply, refusal } from "./reply.ts";
import { type CopyHead, headText, type SentCopy, withReply } from "./sent-copy.ts";

export interface AnsweringParts {
  /** Runs one operation. May be cut off at any time; what it began to read it lets go then. */
  readonly run: (operation: Operation, signal: AbortSignal) => Promise<Answered>;
  /** For the eyes of support alone (08 5.4). @throws {AgentError} */
  readonly seal: (plain: Uint8Array) => Uint8Array;
  /** Puts a large answer on `$answers`; durable when it resolves. */
  readonly sendLarge: (bytes: Uint8Array) => Promise<MessagePlace>;
  readonly reply: (id: Uint8Array, reply: Reply) => void;
  /** `hold`: a bundle leaves when a person has said so (08 5.4). */
  readonly releaseMode: "auto" | "hold";
  /** A bundle waits for that, by the number of its copy. */
  readonly onHeld: (id: number) => void;
  readonly consent: Pick<Consent, "objection">;
  readonly audit: Pick<Audit, "record" | "note">;
  readonly copies: SupportStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly conditions: Conditions;
}

export interface Accepted {
  /** Of its copy. */
  readonly id: number;
  readonly nonce: Uint8Array;
  readonly head: CopyHead;
  readonly question: Question;
}

const DAY_MS = 86_400_000;

interface UnderWay {
  readonly level: ConsentLevel;
  readonly cut: AbortController;
  readonly work: Promise<void>;
}

export class Answering implements AsyncDisposable {
  readonly #parts: AnsweringParts;
  /** By nonce in hexadecimal. */
  readonly #underWay = new Map<string, UnderWay>();
  /** L1 questions since the condition was opened. */
  #structureCount = 0;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  isUnderWay(nonce: Uint8Array): boolean {
    return this.#underWay.has(keyOf(nonce));
  }

  /** Returns at once; the answer goes to `reply`. */
  begin(accepted: Accepted): void {
    const key = keyOf(accepted.nonce);
    const cut = new AbortController();
    this.#notify(accepted);
    const work = this.#answer(accepted, cut)
      .catch((error: unknown) => {
        // The store says by itself what is wrong with it; whoever asked is told after the next start.
        this.#parts.log.fault("questionFailed", faultOf(error));
      })
      .finally(() => this.#underWay.delete(key));
    const { level } = accepted.question.operation;
    this.#underWay.set(key, { level, cut, work });
  }

  /** 08 4.2, 4.3: what is not allowed any more ends at once. */
  recheck(): void {
    for (const { level, cut } of this.#underWay.values()) {
      if (this.#parts.consent.objection(level) !== undefined) {
        cut.abort(new AgentError("SUPPORT_IS_OFF", {}));
      }
    }
  }

  /**
   * A person has looked at a bundle that waits, and says that it leaves (08 5.4).
   *
   * @throws {AgentError} `SUPPORT_KEY_UNUSABLE`, `AUDIT_UNWRITABLE`, `STORE_*`: it goes on waiting
   */
  async release({ id, nonce, head }: SentCopy, actor: AuditActor): Promise<Reply> {
    const { copies, seal, sendLarge, audit, reply } = this.#parts;
    const plain = await copies.read(id, COPY_PART.plain);
    const sent = seal(plain);
    await copies.write(id, COPY_PART.sealed, sent);
    const digests = { plain: hash("sha256", plain), sent: hash("sha256", sent) };
    const about = { subject: head.question ?? `bundle ${id}`, reason: saidOf(digests) };
    await audit.record([{ actor, action: "bundle.released", ...about }]);
    const told = elsewhere(sent, await sendLarge(sent));
    await copies.keep(id, COPY_STATE.owed, headText(withReply(head, told, digests)));
    reply(nonce, told);
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#underWay.values()];
    for (const { cut } of all) cut.abort(new AgentError("QUESTION_INTERRUPTED", {}));
    await Promise.all(all.map(({ work }) => work));
  }

  async #answer(accepted: Accepted, cut: AbortController): Promise<void> {
    const { clock, log } = this.#parts;
    const { name } = accepted.question.operation;
    const beganMs = clock.monotonicMs();
    let reply: Reply | undefined;
    try {
      const answered = await this.#within(accepted.question.operation, cut);
      reply = await this.#leave(accepted, answered, cut.signal);
    } catch (error) {
      const { code } = faultOf(error);
      // Said at the next start.
      if (code === "QUESTION_INTERRUPTED") return;
      reply = code === "SUPPORT_IS_OFF" ? refusal("SUPPORT_OFF") : failure(code);
      // What could not be answered may be told unrecorded: it says nothing.
      await this.#record(accepted, "question.failed", code).catch(() => {});
      await this.#keep(accepted, withReply(accepted.head, reply));
    }
    if (reply === undefined) return;
    const durationMs = Math.round(clock.monotonicMs() - beganMs);
    const facts = { op: identifierFrom(name), result: identifierFrom(reply.result), durationMs };
    log.write("questionAnswered", { ...facts, bytes: reply.answer.length });
    this.#parts.reply(accepted.nonce, reply);
  }

  /** @throws {AgentError} `QUESTION_TIMEOUT`, or why it was cut off */
  async #within(operation: Operation, cut: AbortController): Promise<Answered> {
    const { clock, run } = this.#parts;
    using _limit = clock.after(QUESTION_MAX_MS, () =>
      cut.abort(new AgentError("QUESTION_TIMEOUT", {})),
    );
    const { signal } = cut;
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return await Promise.race([run(operation, signal), ended]);
  }

  /** Kept, recorded, and sent, in this order. @returns nothing of a bundle that waits */
  async #leave(
    accepted: Accepted,
    answered: Answered,
    signal: AbortSignal,
  ): Promise<Reply | undefined> {
    const { copies, sendLarge, seal, clock, releaseMode } = this.#parts;
    if (answered.kind === "bundle" && releaseMode === "hold") {
      await this.#hold(accepted, answered.plain);
      return undefined;
    }
    const { id, head, question } = accepted;
    const plain =
      answered.kind === "bundle"
        ? answered.plain
        : json({ op: question.operation.name, at: isoOf(clock), answer: answered.answer });
    const sent = answered.kind === "bundle" ? seal(plain) : plain;
    if (sent.length > ANSWER_MAX_BYTES) throw new AgentError("ANSWER_TOO_LARGE", {});
    await copies.write(id, COPY_PART.plain, plain);
    if (answered.kind === "bundle") await copies.write(id, COPY_PART.sealed, sent);
    signal.throwIfAborted();
    const digests = { plain: hash("sha256", plain), sent: hash("sha256", sent) };
    const said = answered.kind === "bundle" ? saidOf(digests) : `sha256 ${digests.sent}`;
    await this.#record(accepted, "question.answered", said);
    signal.throwIfAborted();
    const isInline = answered.kind === "facts" && sent.length <= INLINE_ANSWER_MAX_BYTES;
    const reply: Reply = isInline
      ? { result: "done", answer: sent }
      : elsewhere(sent, await sendLarge(sent));
    await this.#keep(accepted, withReply(head, reply, digests));
    return reply;
  }

  async #hold(accepted: Accepted, plain: Uint8Array): Promise<void> {
    const { copies, onHeld } = this.#parts;
    const { id, head } = accepted;
    await copies.write(id, COPY_PART.plain, plain);
    await this.#record(accepted, "question.held", `plain sha256 ${hash("sha256", plain)}`);
    await copies.keep(id, COPY_STATE.held, headText(head));
    onHeld(id);
  }

  /** @throws {AgentError} `AUDIT_UNWRITABLE`: nothing leaves then */
  async #record({ question }: Accepted, action: string, reason: string): Promise<void> {
    const { document, digest, operation } = question;
    const actor = { kind: "engineer", id: document.engineer } as const;
    const draft = { actor, action, subject: digest, decision: operation.name, reason };
    await this.#parts.audit.record([draft]);
  }

  async #keep({ id }: Accepted, head: CopyHead): Promise<void> {
    await this.#parts.copies.keep(id, COPY_STATE.owed, headText(head));
  }

  /** 08 4.2: the hospital hears of each question about structure. */
  #notify({ question }: Accepted): void {
    const { conditions, clock, log } = this.#parts;
    const { name, level } = question.operation;
    if (level !== 1) return;
    this.#structureCount += 1;
    const facts = { op: identifierFrom(name), count: this.#structureCount };
    log.write("structureAsked", facts);
    conditions.openFor("structureAsked", "", facts, clock, DAY_MS);
  }
}

/** Of a bundle both: what people have read, and what was carried. */
const saidOf = ({ plain, sent }: { readonly plain: string; readonly sent: string }): string =>
  `sha256 ${sent}, plain ${plain}`;

const keyOf = (nonce: Uint8Array): string => Buffer.from(nonce).toString("hex");

const isoOf = (clock: Clock): string => new Date(clock.nowMs()).toISOString();

const faultOf = (error: unknown): AgentError =>
  error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
