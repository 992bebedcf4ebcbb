/**
 * The outbox for hospital systems (TP34), inside the writer's transaction.
 *
 * @module
 */
import { hash } from "node:crypto";
import { CHAIN_START, chainInput } from "#protocol/chain.ts";
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
import { isFenced } from "./locate.ts";
import type { OutgoingMessageRow } from "./outgoing-statements.ts";
import type { Prepared } from "./prepared.ts";

type Done = { readonly kind: "ok" };
type Fenced = Done | { readonly kind: "fenced" };

/** Gives the message the next number of its channel, which begins with the first one. */
export function enqueue({ outgoing }: Prepared, call: EnqueueCall): EnqueueResult {
  const { agent, channel, key, sha256, meta, body, atMs } = call;
  const before = key === null ? undefined : outgoing.findKey.get(agent, channel, key);
  if (before !== undefined) {
    const [id, epoch, seq, known] = before;
    const message = { id: Number(id), epoch, seq };
    if (Buffer.compare(known, sha256) !== 0) return { kind: "conflict", message };
    return { kind: "ok", message, known: true };
  }
  if (outgoing.readChannel.get(agent, channel) === undefined) {
    outgoing.insertChannel.run(agent, channel, CHAIN_START);
  }
  const [epoch = 1n, lastSeq = 0n, , last = CHAIN_START] =
    outgoing.readChannel.get(agent, channel) ?? [];
  const seq = lastSeq + 1n;
  const chain = chained(last, epoch, seq, sha256);
  const row = [agent, channel, epoch, seq, sha256, chain, atMs, meta, key] as const;
  const [id] = outgoing.insert.get(...row, body.length, body) ?? [];
  outgoing.advance.run(seq, chain, agent, channel);
  return { kind: "ok", message: { id: Number(id), epoch, seq }, known: false };
}

export function outgoingChannels(
  { outgoing }: Prepared,
  agent: number,
  after: string,
): readonly OutgoingChannel[] {
  return outgoing.listChannels
    .all(agent, after, PAGE_MAX_COUNT)
    .map(([channel, epoch, lastSeq, ackedSeq, oldestSeq, previous, finalSeq]) => ({
      ...{ channel, epoch, lastSeq, ackedSeq, oldestSeq },
      previous: previous === null ? null : { epoch: previous, finalSeq },
    }));
}

/** A page ends after {@link PAGE_MAX_COUNT} rows or {@link PAGE_MAX_BYTES} of bodies. */
export function readOutgoing({ outgoing }: Prepared, place: OutgoingPlace): readonly OutgoingRow[] {
  const { agent, channel, epoch, seq } = place;
  const page: OutgoingRow[] = [];
  let bytes = 0;
  for (const row of outgoing.read.iterate(agent, channel, epoch, seq, PAGE_MAX_COUNT)) {
    const found = outgoingRow(row);
    page.push(found);
    bytes += found.body?.length ?? 0;
    if (bytes >= PAGE_MAX_BYTES) break;
  }
  return page;
}

export function readOutgoingBody(
  { outgoing }: Prepared,
  call: OutgoingPlace & { readonly from: number; readonly maxBytes: number },
): Uint8Array {
  const { agent, channel, epoch, seq, from, maxBytes } = call;
  // SQL counts from 1.
  const [part] = outgoing.readPart.get(from + 1, maxBytes, agent, channel, epoch, seq) ?? [];
  return part ?? new Uint8Array(0);
}

export function outgoingChain(
  { outgoing }: Prepared,
  { agent, channel, epoch, seq }: OutgoingPlace,
): Uint8Array | null {
  if (seq === 0n) return CHAIN_START;
  return outgoing.readChain.get(agent, channel, epoch, seq)?.[0] ?? null;
}

export function settleOutgoing(
  sql: Prepared,
  call: OutgoingPlace & { readonly session: number; readonly atMs: number },
): Fenced {
  const { outgoing } = sql;
  const { agent, channel, epoch, seq, atMs } = call;
  if (isFenced(sql, agent, call.session)) return { kind: "fenced" };
  const [current, lastSeq = 0n, ackedSeq = 0n] = outgoing.readChannel.get(agent, channel) ?? [];
  // No row is ever settled by a number that another content holds (TP18).
  if (current !== epoch || seq > lastSeq || seq <= ackedSeq) return { kind: "ok" };
  outgoing.settle.run(seq, agent, channel, epoch, seq);
  outgoing.markSettled.run(atMs, agent, channel, epoch, ackedSeq, seq);
  return { kind: "ok" };
}

/**
 * TP18, and TP37 where the sink was put back: everything that it lacks is renumbered where it lies, each row
 * keeping the first identity under which it may have been sent, so that a repeat is recognised.
 */
export function reissueOutgoing(sql: Prepared, call: ReissueCall): Fenced {
  const { outgoing } = sql;
  const { agent, channel, sink } = call;
  if (isFenced(sql, agent, call.session)) return { kind: "fenced" };
  const row = outgoing.readChannel.get(agent, channel);
  if (row === undefined || row[0] !== call.epoch) return { kind: "ok" };
  const [old, , ackedSeq] = row;
  const isBehind = sink.epoch < old;
  const settled = sink.epoch === old && sink.lastSeq < ackedSeq ? sink.lastSeq : ackedSeq;
  const from = isBehind ? sink : { epoch: old, lastSeq: settled };
  const epoch = later(sink.epoch, old) + 1n;
  let [seq, chain, isWhole] = [0n, CHAIN_START, true];
  const lacking = outgoing.lacking.all(agent, channel, from.epoch, from.lastSeq, from.epoch, old);
  for (const [id, sha256, kept] of lacking) {
    if (kept === 0n) {
      isWhole = false;
      continue;
    }
    seq += 1n;
    chain = chained(chain, epoch, seq, sha256);
    outgoing.renumber.run(epoch, seq, chain, id);
  }
  // What it is not known to hold is a gap there: numbers of it are gone here, too.
  const ended = isBehind ? sink.lastSeq : later(sink.lastSeq, settled);
  const previous = isBehind ? sink.epoch : epoch - 1n;
  const finalSeq = isWhole ? ended : null;
  outgoing.beginEpoch.run(epoch, seq, chain, previous, finalSeq, agent, channel);
  return { kind: "ok" };
}

export function noteOutcome(
  { outgoing }: Prepared,
  call: OutgoingPlace & { readonly outcome: string },
): Done {
  const row = [call.outcome, call.agent, call.channel, call.epoch, call.seq] as const;
  // An agent that recognised a repeat speaks of the number under which it had the message first.
  if (outgoing.noteOutcome.run(...row).changes === 0) outgoing.noteReplaced.run(...row);
  return { kind: "ok" };
}

export function openCommands(
  { outgoing }: Prepared,
  agent: number,
  limit: number,
): readonly OpenCommand[] {
  return outgoing.openCommands.all(agent, limit).map(([key, document]) => ({ key, document }));
}

export function answerCommand(sql: Prepared, call: CommandAnswer): Fenced {
  const { agent, session, key, outcome, atMs } = call;
  if (isFenced(sql, agent, session)) return { kind: "fenced" };
  sql.outgoing.answerCommand.run(outcome, atMs, agent, key);
  return { kind: "ok" };
}

export function listOutgoing(
  { outgoing }: Prepared,
  agent: number,
  channel: string,
  after: number,
): readonly OutgoingRecord[] {
  return outgoing.list
    .all(agent, channel, after, PAGE_MAX_COUNT)
    .map(([id, epoch, seq, key, bytes, queuedMs, settledMs, outcome]) => ({
      ...{ id: Number(id), epoch, seq, key, bytes: Number(bytes), outcome },
      queuedAtMs: Number(queuedMs),
      settledAtMs: settledMs === null ? null : Number(settledMs),
    }));
}

export function enqueuedSince({ outgoing }: Prepared, id: number | null) {
  if (id === null) return { lastId: Number(outgoing.lastId.get()?.[0] ?? 0n), agents: [] };
  const rows = outgoing.enqueuedSince.all(id, PAGE_MAX_COUNT);
  const lastId = Number(rows.at(-1)?.[0] ?? id);
  return { lastId, agents: [...new Set(rows.map(([, agent]) => Number(agent)))] };
}

export function pruneOutgoing({ outgoing }: Prepared, beforeMs: number) {
  return { count: outgoing.prune.run(beforeMs, PAGE_MAX_COUNT).changes };
}

function outgoingRow(row: OutgoingMessageRow): OutgoingRow {
  const [id, epoch, seq, sha256, queuedMs, meta, bytes, replacesEpoch, replacesSeq, body] = row;
  const isReissued = replacesEpoch !== null && replacesSeq !== null;
  return {
    ...{ id: Number(id), epoch, seq, sha256, meta, body },
    queuedAtMs: Number(queuedMs),
    bytes: Number(bytes),
    replaces: isReissued ? { epoch: replacesEpoch, seq: replacesSeq } : null,
  };
}

const later = (a: bigint, b: bigint): bigint => {
  if (a > b) return a;
  return b;
};

function chained(before: Uint8Array, epoch: bigint, seq: bigint, sha256: Uint8Array): Buffer {
  return hash("sha256", chainInput(before, epoch, seq, sha256), "buffer");
}
