/**
 * Messages by control id (01 `trace`), from the newest back. Control ids are in no index: one more write for every message
 * that arrives, and one more place for what may name a patient, for a question that is asked once a night. So a
 * look-up reads what was stored in a stretch of time, which it finds by the keys of messages, and ends after so many
 * rows with the time it has come back to; from there a person goes on.
 *
 * What was typed is compared, and nothing of it is kept.
 *
 * @module
 */
import { controlIdIn } from "../report/control-id.ts";
import { readControlId } from "../report/message-control-id.ts";
import { type DownLine, downLine, type UpLine, upLine } from "../report/trace.ts";
import { isReserved } from "../served-channels.ts";
import type { AgentRecord, ChannelRecord } from "../store/store.ts";
import { allChannels, allOutgoingChannels } from "../store/walk.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { seqBefore } from "./channel-facts.ts";

export interface LookUpCall {
  readonly agent: AgentRecord;
  readonly controlId: string;
  /** Stored here, or taken for the hospital, in this stretch; ms since 1970, the end exclusive. */
  readonly fromMs: number;
  readonly beforeMs: number;
}

export interface LookUpResult {
  readonly lines: readonly (UpLine | DownLine)[];
  /** Everything that is newer was looked at; null: all of it was. */
  readonly cameToMs: number | null;
  readonly lookedAtCount: number;
}

/** About a second of one processor; the store takes messages in between. */
const ROWS_MAX_COUNT = 100_000;
/** Their control id is read out of their first bytes, one by one. */
const DOWN_ROWS_MAX_COUNT = 2_000;
const HITS_MAX_COUNT = 50;
const PAGE_ROWS = 500n;

interface Cursor {
  readonly channel: string;
  readonly epoch: bigint;
  readonly low: bigint;
  high: bigint;
  /** Everything newer was looked at. */
  atMs: number;
}

export async function lookUp(
  store: WholeStore,
  call: LookUpCall,
  maxCount = ROWS_MAX_COUNT,
): Promise<LookUpResult> {
  const up = await lookUpward(store, call, maxCount);
  const down = await lookDownward(store, call);
  const came = [up.cameToMs, down.cameToMs].filter((one) => one !== null);
  return {
    lines: [...up.lines, ...down.lines].slice(0, HITS_MAX_COUNT),
    cameToMs: came.length === 0 ? null : Math.max(...came),
    lookedAtCount: up.lookedAtCount + down.lookedAtCount,
  };
}

async function lookUpward(
  store: WholeStore,
  call: LookUpCall,
  maxCount: number,
): Promise<LookUpResult> {
  const lines: UpLine[] = [];
  const open = await cursorsOf(store, call);
  let lookedAtCount = 0;
  // All channels go back through the same time together.
  for (;;) {
    const next = open.filter(({ low, high }) => high > low).sort((a, b) => b.atMs - a.atMs)[0];
    if (next === undefined) return { lines, cameToMs: null, lookedAtCount };
    if (lookedAtCount >= maxCount || lines.length >= HITS_MAX_COUNT) {
      return { lines, cameToMs: Math.min(next.atMs, call.beforeMs), lookedAtCount };
    }
    const page = await readBack(store, call.agent.id, next);
    lookedAtCount += page.length;
    for (const message of page.toReversed()) {
      if (controlIdIn(message.meta) === call.controlId) lines.push(upLine(next.channel, message));
    }
    next.atMs = page[0]?.storedAtMs ?? next.atMs;
  }
}

async function cursorsOf(store: WholeStore, call: LookUpCall): Promise<Cursor[]> {
  const cursors: Cursor[] = [];
  for await (const record of allChannels(store, call.agent.id)) {
    if (!isReserved(record.channel)) cursors.push(...(await ofChannel(store, record, call)));
  }
  return cursors;
}

async function ofChannel(
  store: WholeStore,
  { channel, epoch, lastSeq }: ChannelRecord,
  { agent, fromMs, beforeMs }: LookUpCall,
): Promise<Cursor[]> {
  const cursors: Cursor[] = [];
  // Earlier epochs are as much of the channel as this one.
  for await (const part of epochsOf(store, { agent: agent.id, channel, epoch, lastSeq })) {
    const place = { ...part, agent: agent.id, channel };
    const low = await seqBefore(store, place, fromMs);
    const high = await seqBefore(store, place, beforeMs);
    cursors.push({ channel, epoch: part.epoch, low, high, atMs: beforeMs });
  }
  return cursors;
}

interface EpochPlace {
  readonly epoch: bigint;
  readonly lastSeq: bigint;
}

async function* epochsOf(
  store: WholeStore,
  of: EpochPlace & { readonly agent: number; readonly channel: string },
): AsyncGenerator<EpochPlace> {
  yield of;
  const { agent, channel } = of;
  const way = { agent, channel, direction: "up" } as const;
  for (let epoch = -1n; ; ) {
    const found = await store.hours.heldEpoch({ ...way, epoch });
    if (found === null || found >= of.epoch) return;
    epoch = found;
    yield { epoch, lastSeq: await lastOf(store, { agent, channel, epoch }) };
  }
}

const SEQ_MAX = 2n ** 63n - 1n;

/** Of an epoch that is over: by halves, for a page tells whether there is one behind a number. */
async function lastOf(
  store: WholeStore,
  { agent, channel, epoch }: { agent: number; channel: string; epoch: bigint },
): Promise<bigint> {
  const upTo = { epoch, seq: SEQ_MAX };
  const behind = async (seq: bigint): Promise<bigint | undefined> => {
    const call = { agent, channel, after: { epoch, seq }, upTo, withBody: false };
    return (await store.readMessages(call)).at(-1)?.seq;
  };
  let low = (await behind(0n)) ?? 0n;
  for (let step = PAGE_ROWS; ; step *= 2n) {
    const found = await behind(low + step);
    if (found !== undefined) low = found;
    else if (step === PAGE_ROWS) break;
    else step = PAGE_ROWS / 2n;
  }
  for (let next = await behind(low); next !== undefined; next = await behind(low)) low = next;
  return low;
}

/** The page before the cursor, oldest first; the cursor moves. */
async function readBack(store: WholeStore, agent: number, cursor: Cursor) {
  const { channel, epoch, low, high } = cursor;
  const from = high - low > PAGE_ROWS ? high - PAGE_ROWS : low;
  cursor.high = from;
  const after = { epoch, seq: from };
  return await store.readMessages({
    ...{ agent, channel, after, upTo: { epoch, seq: high }, withBody: false },
  });
}

async function lookDownward(store: WholeStore, call: LookUpCall): Promise<LookUpResult> {
  const { agent, controlId, fromMs, beforeMs } = call;
  const lines: DownLine[] = [];
  let lookedAtCount = 0;
  let cameToMs: number | null = null;
  for await (const { channel } of allOutgoingChannels(store, agent.id)) {
    if (isReserved(channel)) continue;
    for await (const record of newestFirst(store, agent.id, channel)) {
      if (record.queuedAtMs < fromMs) break;
      if (record.queuedAtMs >= beforeMs) continue;
      if (lookedAtCount >= DOWN_ROWS_MAX_COUNT) {
        cameToMs = Math.max(cameToMs ?? 0, record.queuedAtMs + 1);
        break;
      }
      lookedAtCount += 1;
      const { epoch, seq } = record;
      const found = await readControlId(store, { agent: agent.id, channel, epoch, seq });
      if (found === controlId) lines.push(downLine(channel, record));
    }
  }
  return { lines, cameToMs, lookedAtCount };
}

async function* newestFirst({ console: records }: WholeStore, agent: number, channel: string) {
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const page = await records.recentOutgoing({ agent, channel, before, limit: 100 });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    before = last.id;
  }
}
