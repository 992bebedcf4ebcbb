/**
 * What commands ask of a store, and its answers as lines of JSON. The same whether the running
 * receiver answers or the command has opened the store itself.
 *
 * @module
 */
import { z } from "zod";
import { ReceiverError } from "./errors.ts";
import { exportLines, type LinePart } from "./export.ts";
import { send, sentMessages } from "./send.ts";
import type { OutgoingRecord, OutgoingStore } from "./store/outgoing.ts";
import type { AgentRecord, Store } from "./store/store.ts";
import { allAgents } from "./store/walk.ts";

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
    ask: z.literal("sent"),
    tenant: z.string(),
    name: z.string(),
    channel: z.string(),
  }),
  z.strictObject({ ask: z.literal("unlockAgent"), tenant: z.string(), name: z.string() }),
]);
export type Question = z.infer<typeof QUESTION>;

/** One line of `agent add`, `agent list` and `agent unlock`. */
export interface AgentLine {
  readonly agent: string;
  readonly serial: string;
  readonly session: number;
  readonly addedAt: string;
  readonly lastSeenAt: string | null;
  /** Nobody is let in since then, because two copies were alive (TP33). */
  readonly lockedAt: string | null;
  /** Only of `agent add`: it had another or the same certificate before. */
  readonly known?: boolean;
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
 * @returns the answer, a JSON object a line, without line ends
 * @throws {ReceiverError} `STORE_FULL`, `STORE_UNREACHABLE`, or what ended the store
 */
export async function* answerTo(
  store: Store & OutgoingStore,
  question: Question,
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
    case "sent":
      for await (const message of sentMessages(store, question)) {
        yield JSON.stringify(toldLine(message));
      }
      break;
    case "listAgents":
      for await (const agent of allAgents(store)) yield JSON.stringify(agentLine(agent));
      break;
  }
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

function agentLine(agent: AgentRecord): AgentLine {
  const timeOf = (ms: number | null): string | null =>
    ms === null ? null : new Date(ms).toISOString();
  return {
    agent: `${agent.tenant}/${agent.name}`,
    serial: agent.serialHex,
    session: agent.session,
    addedAt: new Date(agent.addedAtMs).toISOString(),
    lastSeenAt: timeOf(agent.helloAtMs),
    lockedAt: timeOf(agent.lockedAtMs),
  };
}
