/**
 * Questions for agents, as people handle them here: a document that was signed elsewhere is handed in by one person and
 * sent by another. The signature is judged by the agent, never here; what is shown of a document is what it says.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import type { CommandDocument } from "#documents/types/command.ts";
import { type AnswerLine, answerOf, type TakenQuestion, takeQuestion } from "../asking.ts";
import type { CommandOutcome } from "../downstream/command-lane.ts";
import { ReceiverError } from "../errors.ts";
import { COMMAND_MAX_BYTES } from "../limits.ts";
import { COMMANDS_CHANNEL } from "../served-channels.ts";
import type { OutgoingRecord } from "../store/outgoing.ts";
import type { AgentName, AgentRecord } from "../store/store.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { isSamePerson, type Person } from "./sessions.ts";

/** What a question says of itself. */
export interface Question extends AgentName {
  /** Its nonce, hexadecimal. */
  readonly id: string;
  readonly op: string;
  /** Codes, names of channels and numbers; what may be more is `?`. */
  readonly args: string;
  readonly engineer: string;
  readonly ticket: string;
  readonly expires: string;
}

export type Author = Pick<Person, "name" | "certificate">;

export interface Proposal extends Question {
  readonly key: string;
  readonly author: Author;
  readonly atMs: number;
}

/** One that was sent. */
export interface Asked {
  readonly id: string;
  /** Undefined: its document was forgotten. */
  readonly question: Question | undefined;
  readonly queuedAtMs: number;
  readonly answeredAtMs: number | null;
  /** Null while there is no answer. */
  readonly result: string | number | null;
}

export interface Answer {
  readonly line: AnswerLine | null;
  /** What the agent said, as text; undefined where it is no text that is shown. */
  readonly text: string | undefined;
  /** Of what is not shown: a bundle is sealed. */
  readonly sealedBytes: number;
}

const DAY_MS = 86_400_000;
const ANSWER_SHOWN_MAX_BYTES = 262_144;
const RECENT_COUNT = 20;
/** Questions of one person that wait: nobody fills the desk. */
const OF_ONE_AUTHOR_MAX_COUNT = 20;
const KIND = "question";

const AUTHOR = z.strictObject({ name: z.string(), certificate: z.string() });
const KEPT = z.strictObject({ author: AUTHOR, atMs: z.int(), envelope: z.string() });

export class QuestionDesk {
  readonly #store: WholeStore;

  constructor(store: WholeStore) {
    this.#store = store;
  }

  /**
   * What a document asks, of an agent that is known.
   *
   * @throws {ReceiverError} `COMMAND_REFUSED`, `AGENT_UNKNOWN`
   */
  async read(envelope: Uint8Array): Promise<Question> {
    const document = documentIn(envelope);
    if (document === undefined || envelope.length > COMMAND_MAX_BYTES) {
      throw new ReceiverError("COMMAND_REFUSED", { facts: { bytes: envelope.length } });
    }
    const question = questionOf(document);
    if ((await this.#store.findAgent(question)) === null) throw new ReceiverError("AGENT_UNKNOWN");
    return question;
  }

  /**
   * Keeps a question that was read until somebody decides.
   *
   * @throws {ReceiverError} `STORE_FULL`
   */
  async propose(
    { expires }: Question,
    {
      envelope,
      author: { name, certificate },
      nowMs,
    }: { envelope: Uint8Array; author: Author; nowMs: number },
  ): Promise<void> {
    const author = { name, certificate };
    const kept = { author, atMs: nowMs, envelope: Buffer.from(envelope).toString("base64") };
    const expiresMs = Math.min(Date.parse(expires), nowMs + DAY_MS);
    const result = await this.#store.console.keepItem({
      ...{ kind: KIND, key: randomBytes(16).toString("hex"), body: JSON.stringify(kept) },
      ...{ expiresMs, isNew: true, atMs: nowMs },
    });
    if (result.kind === "busy" || !result.isKept) throw new ReceiverError("STORE_FULL");
  }

  /** @throws {ReceiverError} `CONSOLE_TOO_MUCH`: so many of this person wait that no other is taken */
  async makeSure(author: Author, nowMs: number): Promise<void> {
    const waiting = await this.waiting(nowMs);
    const own = waiting.filter((one) => isSamePerson(one.author, author));
    if (own.length >= OF_ONE_AUTHOR_MAX_COUNT) throw new ReceiverError("CONSOLE_TOO_MUCH");
  }

  /** Those that wait, oldest first. */
  async waiting(nowMs: number): Promise<readonly Proposal[]> {
    const items = await this.#store.console.items({ kind: KIND, key: null });
    const open = items.filter(({ expiresMs }) => expiresMs > nowMs);
    return open.flatMap(proposalOf).toSorted((a, b) => a.atMs - b.atMs);
  }

  async find(key: string, nowMs: number): Promise<Proposal | undefined> {
    const [item] = await this.#store.console.items({ kind: KIND, key });
    return item === undefined || item.expiresMs <= nowMs ? undefined : proposalOf(item)[0];
  }

  /**
   * Takes a question off the desk and sends it. Of two who do so at once, one does.
   *
   * @returns undefined if it is not there any more
   * @throws {ReceiverError} `STORE_FULL`
   */
  async send(key: string, nowMs: number): Promise<TakenQuestion | undefined> {
    const item = await this.#take(key);
    if (item === undefined || item.expiresMs <= nowMs) return undefined;
    const { envelope } = KEPT.parse(JSON.parse(item.body));
    try {
      return await takeQuestion(this.#store, Buffer.from(envelope, "base64"), nowMs);
    } catch (error) {
      // It was not sent: somebody may try again.
      await this.#store.console.keepItem({ ...item, isNew: true, atMs: nowMs });
      throw error;
    }
  }

  /** @returns false if it is not there any more */
  async reject(key: string): Promise<boolean> {
    return (await this.#take(key)) !== undefined;
  }

  /** The last that were sent to an agent, newest first. */
  async recent({ id: agent }: AgentRecord, limit = RECENT_COUNT): Promise<readonly Asked[]> {
    const call = { agent, channel: COMMANDS_CHANNEL, before: Number.MAX_SAFE_INTEGER, limit };
    const records = await this.#store.console.recentOutgoing(call);
    return await Promise.all(records.map((record) => this.#asked(agent, record)));
  }

  /** @throws {ReceiverError} `AGENT_UNKNOWN`, `COMMAND_UNKNOWN` */
  async answer(agent: AgentName, id: string): Promise<Answer> {
    let text = "";
    let sealedBytes = 0;
    for await (const part of answerOf(this.#store, agent, id)) {
      const more = typeof part === "string" ? part : part.begun;
      if (text.length < ANSWER_SHOWN_MAX_BYTES) text += more;
      else sealedBytes += Math.floor((more.length * 3) / 4);
    }
    if (sealedBytes > 0) return { line: null, text: undefined, sealedBytes };
    const line = JSON.parse(text) as AnswerLine | null;
    const body = Buffer.from(line?.body ?? line?.said ?? "", "base64");
    const shown = shownJson(body);
    return { line, text: shown, sealedBytes: shown === undefined ? body.length : 0 };
  }

  async #take(key: string) {
    const taken = await this.#store.console.takeItem({ kind: KIND, key });
    if (taken.kind === "busy") throw new ReceiverError("STORE_FULL");
    return taken.item ?? undefined;
  }

  async #asked(agent: number, record: OutgoingRecord): Promise<Asked> {
    const { key, epoch, seq, queuedAtMs, settledAtMs, outcome } = record;
    const place = { agent, channel: COMMANDS_CHANNEL, epoch, seq };
    const range = { from: 0, maxBytes: COMMAND_MAX_BYTES };
    const document = documentIn(await this.#store.readOutgoingBody({ ...place, ...range }));
    // Our own, made by `CommandLane`.
    const result = outcome === null ? null : (JSON.parse(outcome) as CommandOutcome).result;
    return {
      ...{ id: key ?? "", question: document && questionOf(document), queuedAtMs },
      ...{ answeredAtMs: outcome === null ? null : settledAtMs, result },
    };
  }
}

function documentIn(envelope: Uint8Array): CommandDocument | undefined {
  const read = readEnvelope(envelope, "command");
  const parsed = "kind" in read ? read : parsePayload("command", read.payload);
  return parsed.kind === "refused" ? undefined : parsed.document;
}

function questionOf(document: CommandDocument): Question {
  const { tenant, agent: name, nonce: id, op, args, engineer, ticket, expires } = document;
  return { tenant, name, id, op, args: shownArgs(args), engineer, ticket, expires };
}

function proposalOf({ key, body }: { readonly key: string; readonly body: string }): Proposal[] {
  const { author, atMs, envelope } = KEPT.parse(JSON.parse(body));
  const document = documentIn(Buffer.from(envelope, "base64"));
  return document === undefined ? [] : [{ ...questionOf(document), key, author, atMs }];
}

/** Of somebody's hand: what is no code, number or name of a channel may be a patient's. */
function shownArgs(args: Readonly<Record<string, unknown>>): string {
  const shown = (value: unknown): string => {
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value === "string") return /^[\w.:$-]{1,64}$/.test(value) ? value : "?";
    if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
    return "?";
  };
  return Object.entries(args)
    .map(([name, value]) => `${/^\w{1,64}$/.test(name) ? name : "?"} ${shown(value)}`)
    .join(", ");
}

/** JSON over lines, for people; anything else is not shown. */
function shownJson(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.stringify(JSON.parse(bytes.toString("utf8")), null, 2);
  } catch {
    return undefined;
  }
}
