/**
 * Questions for agents, and what they answered (08 4): a document that was signed elsewhere is taken, queued, and its
 * answer read. Nothing here is believed, and nothing verified: the agent judges the question, people the answer.
 *
 * @module
 */
import { readEnvelope } from "#documents/envelope.ts";
import { parsePayload } from "#documents/payload.ts";
import { command } from "./command.ts";
import type { CommandOutcome } from "./downstream/command-lane.ts";
import { ReceiverError } from "./errors.ts";
import { bodyParts, type LinePart } from "./export.ts";
import { sentMessages } from "./send.ts";
import { ANSWERS_CHANNEL, COMMANDS_CHANNEL } from "./served-channels.ts";
import type { OutgoingStore } from "./store/outgoing.ts";
import type { AgentName, Store } from "./store/store.ts";
import { allChannels, allMessages } from "./store/walk.ts";

/** The line of `takeQuestion`. */
export interface TakenQuestion extends AgentName {
  /** Its nonce, hexadecimal. */
  readonly id: string;
  readonly op: string;
  /** Until then it may be asked. */
  readonly expires: string;
  /** It had been taken before. */
  readonly known: boolean;
}

/** The beginning of the line of `answerTo`; null while there is no answer. */
export interface AnswerLine {
  readonly result: string | number;
  /** Base64 of what CMD_RESULT said; null if it said nothing. */
  readonly said: string | null;
  /** It names an answer on `$answers` that has not come. */
  readonly isComing: boolean;
  /** Base64 of that answer, once it is here. */
  readonly body: string | null;
}

/**
 * Queues a question; durable when this resolves.
 *
 * @throws {ReceiverError} `COMMAND_REFUSED` if it is no command, `AGENT_UNKNOWN`, `STORE_FULL`
 */
export async function takeQuestion(
  store: Store & OutgoingStore,
  envelope: Uint8Array,
  atMs: number,
): Promise<TakenQuestion> {
  const read = readEnvelope(envelope, "command");
  const parsed = "kind" in read ? read : parsePayload("command", read.payload);
  if (parsed.kind === "refused") {
    throw new ReceiverError("COMMAND_REFUSED", { facts: { bytes: envelope.length } });
  }
  const { tenant, agent: name, nonce, op, expires } = parsed.document;
  const id = Buffer.from(nonce, "hex");
  const { known } = await command(store, { tenant, name, id, document: envelope, atMs });
  return { tenant, name, id: nonce, op, expires, known };
}

/**
 * What has become of a question, as one line of JSON: `null` while nothing has, else an {@link AnswerLine}.
 *
 * @param id its nonce, hexadecimal
 * @throws {ReceiverError} `AGENT_UNKNOWN`, `COMMAND_UNKNOWN`
 */
export async function* answerOf(
  store: Store & OutgoingStore,
  agent: AgentName,
  id: string,
): AsyncGenerator<LinePart> {
  const outcome = await outcomeOf(store, agent, id);
  if (outcome === null) {
    yield "null";
    return;
  }
  const { result, answer = null } = outcome;
  const sha256 = outcome.answerAt === undefined ? undefined : digestIn(answer);
  const place = sha256 === undefined ? undefined : await find(store, agent, sha256);
  const line = { result, said: answer, isComing: outcome.answerAt !== undefined && !place };
  const head = JSON.stringify(line).slice(0, -1);
  if (place === undefined) {
    yield `${head},"body":null}`;
    return;
  }
  yield { begun: `${head},"body":"` };
  for await (const bytes of bodyParts(store, place)) yield { begun: bytes.toString("base64") };
  yield '"}';
}

async function outcomeOf(
  store: Store & OutgoingStore,
  agent: AgentName,
  id: string,
): Promise<CommandOutcome | null> {
  for await (const { key, outcome } of sentMessages(store, {
    ...agent,
    channel: COMMANDS_CHANNEL,
  })) {
    // Our own, made by `CommandLane`.
    if (key === id) return outcome === null ? null : (JSON.parse(outcome) as CommandOutcome);
  }
  throw new ReceiverError("COMMAND_UNKNOWN");
}

/** What the agent says of a large answer in its place: its digest, by which it is found whatever its number is. */
function digestIn(answer: string | null): string | undefined {
  try {
    const said: unknown = JSON.parse(Buffer.from(answer ?? "", "base64").toString("utf8"));
    const { sha256 } = (said ?? {}) as { readonly sha256?: unknown };
    return typeof sha256 === "string" ? sha256 : undefined;
  } catch {
    return undefined;
  }
}

async function find(store: Store, name: AgentName, sha256: string) {
  const agent = await store.findAgent(name);
  if (agent === null) throw new ReceiverError("AGENT_UNKNOWN");
  for await (const { channel, epoch, lastSeq } of allChannels(store, agent.id)) {
    if (channel !== ANSWERS_CHANNEL) continue;
    const range = { after: { epoch: -1n, seq: 0n }, upTo: { epoch, seq: lastSeq } };
    const call = { agent: agent.id, channel, ...range, withBody: false };
    for await (const message of allMessages(store, call)) {
      if (Buffer.from(message.sha256).toString("hex") !== sha256) continue;
      return { agent: agent.id, channel, epoch: message.epoch, seq: message.seq };
    }
  }
  return undefined;
}
