/**
 * Rows as node-postgres gives them, arrays with bigint as text, and the records they become.
 *
 * @module
 */

import type { GapKind, OpenResult } from "#streams/sink/sink-store.ts";
import { identityOf } from "../identity-record.ts";
import type { AgentRecord, ChannelRecord, GapRecord, MessageRecord } from "../store.ts";

type Bytes = Buffer;

export type AgentRow = [
  id: string,
  tenant: string,
  name: string,
  serial: string,
  session: string,
  addedMs: string,
  helloMs: string | null,
  lockedMs: string | null,
  revision: string,
  identity: string | null,
];
export type ChannelRow = [channel: string, epoch: string, lastSeq: string, chain: Bytes | null];
export type OpenRow = [
  kind: "ok" | "ahead" | "behind" | "fenced" | "unknown",
  gap: GapKind | null,
  epoch: string,
  lastSeq: string,
  chain: Bytes | null,
  partialDurable: string | null,
  partialSha256: Bytes | null,
  partialTotal: string | null,
];
export type MessageRow = [
  epoch: string,
  seq: string,
  sha256: Bytes,
  receivedMs: string,
  storedMs: string,
  meta: string | null,
  bytes: string,
  possibleRepeat: boolean,
  body: Bytes | null,
];
export type GapRow = [
  id: string,
  epoch: string,
  firstSeq: string | null,
  lastSeq: string | null,
  kind: GapKind,
  recordedMs: string,
];

export function agentRecord(row: AgentRow): AgentRecord {
  const [id, tenant, name, serialHex, session, addedMs, helloMs, lockedMs, revision, identity] =
    row;
  return {
    id: Number(id),
    tenant,
    name,
    serialHex,
    session: Number(session),
    addedAtMs: Number(addedMs),
    helloAtMs: helloMs === null ? null : Number(helloMs),
    lockedAtMs: lockedMs === null ? null : Number(lockedMs),
    revision: Number(revision),
    identity: identityOf(identity),
  };
}

export function channelRecord([channel, epoch, lastSeq, chain]: ChannelRow): ChannelRecord {
  return { channel, epoch: BigInt(epoch), lastSeq: BigInt(lastSeq), chain };
}

export function openResult(row: OpenRow): OpenResult {
  const [kind, gap, epoch, lastSeq, chain, durable, sha256, total] = row;
  if (kind === "fenced" || kind === "unknown") return { kind };
  const seq = BigInt(lastSeq) + 1n;
  const partial =
    kind !== "ok" || durable === null || sha256 === null || total === null
      ? null
      : { seq, sha256, totalBytes: Number(total), durableBytes: Number(durable) };
  return {
    kind,
    position: { epoch: BigInt(epoch), lastSeq: BigInt(lastSeq), chain, partial },
    gap,
  };
}

export function messageRecord(row: MessageRow): MessageRecord {
  const [epoch, seq, sha256, receivedMs, storedMs, meta, bytes, possibleRepeat, body] = row;
  return {
    epoch: BigInt(epoch),
    seq: BigInt(seq),
    sha256,
    receivedAtMs: Number(receivedMs),
    storedAtMs: Number(storedMs),
    // The day of the message was dropped (TP38).
    meta: meta ?? "{}",
    bytes: Number(bytes),
    possibleRepeat,
    body,
  };
}

export function gapRecord([id, epoch, firstSeq, lastSeq, kind, recordedMs]: GapRow): GapRecord {
  return {
    id: Number(id),
    epoch: BigInt(epoch),
    firstSeq: firstSeq === null ? null : BigInt(firstSeq),
    lastSeq: lastSeq === null ? null : BigInt(lastSeq),
    kind,
    recordedAtMs: Number(recordedMs),
  };
}
