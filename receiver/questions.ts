/**
 * What commands ask of a store, and its answers as lines of JSON. The same whether the running
 * receiver answers or the command has opened the store itself.
 *
 * @module
 */
import { z } from "zod";
import { type AgentLine, agentLine } from "./agent-line.ts";
import { answerOf, takeQuestion } from "./asking.ts";
import { ALARMS_QUESTION, consoleLines, LINK_QUESTION } from "./console-questions.ts";
import { sendDocument } from "./documents.ts";
import { ReceiverError } from "./errors.ts";
import { exportLines, type LinePart } from "./export.ts";
import { addToken, confirmAgent, denyAgent, resetRecovery } from "./identity/administration.ts";
import { importTrust } from "./identity/trust-import.ts";
import { REPORT_QUESTION, reportLines, TRACE_QUESTION } from "./report/report-questions.ts";
import { send, sentMessages } from "./send.ts";
import type { OutgoingRecord, OutgoingStore } from "./store/outgoing.ts";
import type { DenialRecord } from "./store/registry.ts";
import type { Store } from "./store/store.ts";
import { allAgents, allDenied, allHeads } from "./store/walk.ts";
import type { WholeStore } from "./store/whole-store.ts";

const AGENT = { tenant: z.string(), name: z.string() };

export const QUESTION = z.discriminatedUnion("ask", [
  z.strictObject({
    ask: z.literal("export"),
    withBody: z.boolean(),
    channel: z.string().nullable(),
    agent: z.strictObject({ tenant: z.string(), name: z.string() }).nullable(),
  }),
  z.strictObject({
    ask: z.literal("addAgent"),
    tenant: z.string(),
    name: z.string(),
    serialHex: z.string(),
    atMs: z.int(),
  }),
  z.strictObject({ ask: z.literal("listAgents") }),
  z.strictObject({ ask: z.literal("status") }),
  z.strictObject({
    ask: z.literal("send"),
    tenant: z.string(),
    name: z.string(),
    channel: z.string(),
    key: z.string().nullable(),
    /** Base64. */
    body: z.string(),
    atMs: z.int(),
  }),
  z.strictObject({
    ask: z.literal("sendDocument"),
    ...AGENT,
    /** Base64. */
    envelope: z.string(),
    atMs: z.int(),
  }),
  z.strictObject({
    ask: z.literal("takeQuestion"),
    /** Base64. */
    envelope: z.string(),
    atMs: z.int(),
  }),
  z.strictObject({ ask: z.literal("questionAnswer"), ...AGENT, id: z.string() }),
  z.strictObject({
    ask: z.literal("sent"),
    tenant: z.string(),
    name: z.string(),
    channel: z.string(),
  }),
  z.strictObject({ ask: z.literal("unlockAgent"), ...AGENT }),
  z.strictObject({
    ask: z.literal("addToken"),
    ...AGENT,
    tokenIdHex: z.string(),
    publicKeyHex: z.string(),
    expiresMs: z.int(),
    atMs: z.int(),
  }),
  z.strictObject({ ask: z.literal("confirmAgent"), ...AGENT, code: z.string(), atMs: z.int() }),
  z.strictObject({ ask: z.literal("resetRecovery"), ...AGENT }),
  z.strictObject({
    ask: z.literal("denyAgent"),
    ...AGENT,
    what: z.enum(["agent", "serial", "deviceKey"]),
    serialHex: z.string().nullable(),
    isUndo: z.boolean(),
    atMs: z.int(),
  }),
  z.strictObject({ ask: z.literal("listDenied") }),
  z.strictObject({ ask: z.literal("listHeads"), ...AGENT }),
  REPORT_QUESTION,
  TRACE_QUESTION,
  ALARMS_QUESTION,
  LINK_QUESTION,
  z.strictObject({
    ask: z.literal("importTrust"),
    /** Base64. */
    envelope: z.string(),
    index: z.int(),
    atMs: z.int(),
  }),
]);
export type Question = z.infer<typeof QUESTION>;

/** The line of `status`: that there is one means that the store has answered. */
export interface StatusLine {
  /** Of the receiver that answers. */
  readonly pid: number;
}

/** A line of `agent denied`. */
export interface DenialLine {
  readonly kind: DenialRecord["kind"];
  readonly value: string;
  readonly deniedAt: string;
}

/** A line of `agent heads`. */
export interface HeadLine {
  readonly counter: number;
  readonly auditSeq: number;
  /** Hexadecimal. */
  readonly auditHead: string;
  readonly generation: number;
  /** Whether the device key that is known of the agent has signed it. */
  readonly isVerified: boolean;
  readonly receivedAt: string;
  /** As it came, JSON. */
  readonly envelope: string;
}

/** The line of `send`. Epoch and seq are 63-bit, so they are text. */
export interface SentLine {
  readonly id: number;
  readonly epoch: string;
  readonly seq: string;
  readonly known: boolean;
}

/** A line of `sent`. */
export interface ToldLine {
  readonly id: number;
  readonly epoch: string;
  readonly seq: string;
  readonly key: string | null;
  readonly bytes: number;
  readonly queuedAt: string;
  readonly agentHasItAt: string | null;
  /** The report of its delivery (03 O10). */
  readonly outcome: unknown;
}

/**
 * @param barred is called when somebody was kept out who may be connected
 * @returns the answer, a JSON object a line, without line ends
 * @throws {ReceiverError} `STORE_FULL`, `STORE_UNREACHABLE`, or what ended the store
 */
export async function* answerTo(
  store: WholeStore,
  question: Question,
  barred: () => void = () => {},
): AsyncGenerator<LinePart> {
  switch (question.ask) {
    case "export":
      yield* exportLines(store, question);
      break;
    case "addAgent": {
      const added = await store.addAgent(question);
      if ("kind" in added) throw new ReceiverError("STORE_FULL");
      const { agent, known } = added;
      yield JSON.stringify({ ...agentLine(agent), known } satisfies AgentLine);
      break;
    }
    case "unlockAgent": {
      const agent = await store.unlockAgent(question);
      if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
      if ("kind" in agent) throw new ReceiverError("STORE_FULL");
      yield JSON.stringify(agentLine(agent));
      break;
    }
    case "send":
      yield* sendLines(store, question);
      break;
    case "sendDocument":
      yield* documentLines(store, question);
      break;
    case "takeQuestion": {
      const envelope = Buffer.from(question.envelope, "base64");
      yield JSON.stringify(await takeQuestion(store, envelope, question.atMs));
      break;
    }
    case "questionAnswer":
      yield* answerOf(store, question, question.id);
      break;
    case "sent":
      for await (const message of sentMessages(store, question)) {
        yield JSON.stringify(toldLine(message));
      }
      break;
    case "report":
    case "trace":
      yield* reportLines(store, question);
      break;
    case "alarms":
    case "consoleLink":
      yield* consoleLines(store, question);
      break;
    case "listHeads":
      yield* headLines(store, question);
      break;
    case "status":
      // Any question to the store will do: it goes through its writer, or to the database.
      await store.findAgent({ tenant: "", name: "" });
      yield JSON.stringify({ pid: process.pid } satisfies StatusLine);
      break;
    case "listAgents":
      for await (const agent of allAgents(store)) yield JSON.stringify(agentLine(agent));
      break;
    default:
      yield* identityLines(store, question, barred);
  }
}

type IdentityQuestion = Extract<
  Question,
  {
    ask: "addToken" | "confirmAgent" | "resetRecovery" | "denyAgent" | "listDenied" | "importTrust";
  }
>;

async function* identityLines(
  store: WholeStore,
  question: IdentityQuestion,
  barred: () => void,
): AsyncGenerator<string> {
  switch (question.ask) {
    case "addToken":
      yield JSON.stringify(agentLine(await addToken(store, question)));
      break;
    case "confirmAgent": {
      const agent = await confirmAgent(store, question);
      barred();
      yield JSON.stringify(agentLine(agent));
      break;
    }
    case "resetRecovery":
      yield JSON.stringify(agentLine(await resetRecovery(store, question)));
      break;
    case "denyAgent": {
      const denial = await denyAgent(store, question);
      barred();
      yield JSON.stringify(denialLine(denial));
      break;
    }
    case "listDenied":
      for await (const denial of allDenied(store.registry))
        yield JSON.stringify(denialLine(denial));
      break;
    case "importTrust": {
      const envelope = Buffer.from(question.envelope, "base64");
      yield JSON.stringify(await importTrust(store.registry, envelope, question));
      break;
    }
  }
}

async function* headLines(
  store: WholeStore,
  { tenant, name }: Extract<Question, { ask: "listHeads" }>,
): AsyncGenerator<string> {
  const agent = await store.findAgent({ tenant, name });
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  for await (const head of allHeads(store.heads, agent.id)) {
    const { counter, auditSeq, auditHead, generation, isVerified, envelope } = head;
    const receivedAt = new Date(head.receivedAtMs).toISOString();
    yield JSON.stringify({
      ...{ counter, auditSeq, auditHead, generation, isVerified, receivedAt, envelope },
    } satisfies HeadLine);
  }
}

function denialLine({ kind, value, atMs }: DenialRecord): DenialLine {
  return { kind, value, deniedAt: new Date(atMs).toISOString() };
}

async function* sendLines(
  store: Store & OutgoingStore,
  { body, key, ...rest }: Extract<Question, { ask: "send" }>,
): AsyncGenerator<string> {
  const sending = { ...rest, body: Buffer.from(body, "base64") };
  const sent = await send(store, key === null ? sending : { ...sending, key });
  const [epoch, seq] = [String(sent.epoch), String(sent.seq)];
  yield JSON.stringify({ ...sent, epoch, seq } satisfies SentLine);
}

async function* documentLines(
  store: Store & OutgoingStore,
  { envelope, ...rest }: Extract<Question, { ask: "sendDocument" }>,
): AsyncGenerator<string> {
  const sent = await sendDocument(store, { ...rest, envelope: Buffer.from(envelope, "base64") });
  const [epoch, seq] = [String(sent.epoch), String(sent.seq)];
  yield JSON.stringify({ ...sent, epoch, seq } satisfies SentLine);
}

function toldLine(message: OutgoingRecord): ToldLine {
  const { id, epoch, seq, key, bytes, queuedAtMs, settledAtMs, outcome } = message;
  return {
    ...{ id, epoch: String(epoch), seq: String(seq), key, bytes },
    queuedAt: new Date(queuedAtMs).toISOString(),
    agentHasItAt: settledAtMs === null ? null : new Date(settledAtMs).toISOString(),
    // As the agent wrote it.
    outcome: outcome === null ? null : JSON.parse(outcome),
  };
}
