/**
 * The outbox for hospital systems (TP34): questions and their answers.
 *
 * @module
 */
import { CHAIN_START } from "#protocol/chain.ts";
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";
import { PAGE_MAX_BYTES, PAGE_MAX_COUNT } from "../../limits.ts";
import type {
  CommandAnswer,
  EnqueueCall,
  EnqueueResult,
  OpenCommand,
  OutgoingChannel,
  OutgoingPlace,
  OutgoingRecord,
  OutgoingRow,
  ReissueCall,
} from "../outgoing.ts";
import type { Questions, Value } from "./questions.ts";

type Fenced = { readonly kind: "ok" | "fenced" };

export async function enqueue(questions: Questions, call: EnqueueCall): Promise<EnqueueResult> {
  const { agent, channel, key, sha256, meta, body, atMs } = call;
  const values = [agent, channel, key, sha256, meta, body, atMs];
  const [kind, known, id, epoch, seq] = await questions.row<
    ["ok" | "conflict", known: boolean, id: string, epoch: string, seq: string]
  >("enqueue", values);
  const message = { id: Number(id), epoch: BigInt(epoch), seq: BigInt(seq) };
  return kind === "ok" ? { kind, message, known } : { kind, message };
}

type ChannelRow = [
  channel: string,
  epoch: string,
  lastSeq: string,
  ackedSeq: string,
  oldestSeq: string | null,
  previousEpoch: string | null,
  previousFinal: string | null,
];

export async function outgoingChannels(
  questions: Questions,
  agent: number,
  after: string,
): Promise<readonly OutgoingChannel[]> {
  const values = [agent, after, PAGE_MAX_COUNT];
  const rows = await questions.rows<ChannelRow>("outgoingChannels", values);
  return rows.map(([channel, epoch, lastSeq, ackedSeq, oldestSeq, previous, final]) => ({
    channel,
    epoch: BigInt(epoch),
    lastSeq: BigInt(lastSeq),
    ackedSeq: BigInt(ackedSeq),
    oldestSeq: numberOf(oldestSeq),
    previous: previous === null ? null : { epoch: BigInt(previous), finalSeq: numberOf(final) },
  }));
}

type MessageRow = [
  id: string,
  epoch: string,
  seq: string,
  sha256: Buffer,
  queuedMs: string,
  meta: string,
  bytes: string,
  replacesEpoch: string | null,
  replacesSeq: string | null,
  body: Buffer | null,
];

export async function readOutgoing(
  questions: Questions,
  place: OutgoingPlace,
): Promise<readonly OutgoingRow[]> {
  const values = [...keyOf(place), PAGE_MAX_COUNT, LARGE_MESSAGE_BYTES, PAGE_MAX_BYTES];
  const rows = await questions.rows<MessageRow>("readOutgoing", values);
  return rows.map(([id, epoch, seq, sha256, queuedMs, meta, bytes, oldEpoch, oldSeq, body]) => ({
    ...{ id: Number(id), epoch: BigInt(epoch), seq: BigInt(seq), sha256, meta, body },
    queuedAtMs: Number(queuedMs),
    bytes: Number(bytes),
    replaces:
      oldEpoch === null || oldSeq === null
        ? null
        : { epoch: BigInt(oldEpoch), seq: BigInt(oldSeq) },
  }));
}

export async function readOutgoingBody(
  questions: Questions,
  call: OutgoingPlace & { readonly from: number; readonly maxBytes: number },
): Promise<Uint8Array> {
  // In SQL the first byte has number 1.
  const values = [...keyOf(call), call.from + 1, call.maxBytes];
  const [row] = await questions.rows<[Buffer]>("readOutgoingBody", values);
  return row?.[0] ?? new Uint8Array(0);
}

export async function outgoingChain(
  questions: Questions,
  place: OutgoingPlace,
): Promise<Uint8Array | null> {
  if (place.seq === 0n) return CHAIN_START;
  const [row] = await questions.rows<[Buffer]>("outgoingChain", keyOf(place));
  return row?.[0] ?? null;
}

export async function settleOutgoing(
  questions: Questions,
  call: OutgoingPlace & { readonly session: number; readonly atMs: number },
): Promise<Fenced> {
  const { agent, session, channel, epoch, seq, atMs } = call;
  const values = [agent, session, channel, epoch, seq, atMs];
  const [kind] = await questions.row<["ok" | "fenced"]>("settleOutgoing", values);
  return { kind };
}

export async function reissueOutgoing(questions: Questions, call: ReissueCall): Promise<Fenced> {
  const { agent, session, channel, epoch, sink } = call;
  const values = [agent, session, channel, epoch, sink.epoch, sink.lastSeq];
  const [kind] = await questions.row<["ok" | "fenced"]>("reissueOutgoing", values);
  return { kind };
}

export async function noteOutcome(
  questions: Questions,
  call: OutgoingPlace & { readonly outcome: string },
): Promise<{ readonly kind: "ok" }> {
  await questions.rows("noteOutcome", [...keyOf(call), call.outcome]);
  return { kind: "ok" };
}

export async function openCommands(
  questions: Questions,
  agent: number,
  limit: number,
): Promise<readonly OpenCommand[]> {
  const rows = await questions.rows<[string, Buffer]>("openCommands", [agent, limit]);
  return rows.map(([key, document]) => ({ key, document }));
}

export async function answerCommand(questions: Questions, call: CommandAnswer): Promise<Fenced> {
  const { agent, session, key, outcome, atMs } = call;
  const values = [agent, session, key, outcome, atMs];
  const [kind] = await questions.row<["ok" | "fenced"]>("answerCommand", values);
  return { kind };
}

export type RecordRow = [
  id: string,
  epoch: string,
  seq: string,
  key: string | null,
  bytes: string,
  queuedMs: string,
  settledMs: string | null,
  outcome: string | null,
];

export const outgoingRecord = ([
  ...[id, epoch, seq, key, bytes, queuedMs, settledMs, outcome]
]: RecordRow): OutgoingRecord => ({
  ...{ id: Number(id), epoch: BigInt(epoch), seq: BigInt(seq), key, outcome },
  bytes: Number(bytes),
  queuedAtMs: Number(queuedMs),
  settledAtMs: settledMs === null ? null : Number(settledMs),
});

export async function listOutgoing(
  questions: Questions,
  agent: number,
  channel: string,
  after: number,
): Promise<readonly OutgoingRecord[]> {
  const values = [agent, channel, after, PAGE_MAX_COUNT];
  const rows = await questions.rows<RecordRow>("listOutgoing", values);
  return rows.map(outgoingRecord);
}

export async function enqueuedSince(
  questions: Questions,
  id: number | null,
): Promise<{ readonly lastId: number; readonly agents: readonly number[] }> {
  if (id === null) {
    const [last] = await questions.row<[string]>("lastOutgoing", []);
    return { lastId: Number(last), agents: [] };
  }
  const [lastId, agents] = await questions.row<[string, string[]]>("enqueuedSince", [id]);
  return { lastId: Number(lastId), agents: agents.map(Number) };
}

export async function pruneOutgoing(
  questions: Questions,
  beforeMs: number,
): Promise<{ readonly count: number }> {
  const rows = await questions.rows("pruneOutgoing", [beforeMs, PAGE_MAX_COUNT]);
  return { count: rows.length };
}

function keyOf({ agent, channel, epoch, seq }: OutgoingPlace): Value[] {
  return [agent, channel, epoch, seq];
}

function numberOf(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
