/**
 * One message's journey as it shows here (01 `trace`): where it is stored, and for messages to hospital systems what
 * became of them. All messages of the agent are looked through, for their control ids are in no index.
 *
 * @module
 */

import { isReserved } from "../served-channels.ts";
import type { OutgoingRecord } from "../store/outgoing.ts";
import type { AgentRecord, MessageRecord } from "../store/store.ts";
import { allChannels, allMessages, allOutgoingChannels } from "../store/walk.ts";
import type { WholeStore } from "../store/whole-store.ts";
import { controlIdIn } from "./control-id.ts";
import { readControlId } from "./message-control-id.ts";

/** One message. Epoch and seq are decimal text, times RFC 3339. */
export type TraceLine = UpLine | DownLine;

interface Line {
  readonly channel: string;
  readonly epoch: string;
  readonly seq: string;
  readonly bytes: number;
}

export interface UpLine extends Line {
  readonly direction: "up";
  /** By the agent's clock. */
  readonly receivedAt: string;
  readonly storedAt: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly possibleRepeat: boolean;
}

export interface DownLine extends Line {
  readonly direction: "down";
  readonly queuedAt: string;
  /** When the agent said that it has it. */
  readonly agentHasItAt: string | null;
  /** What it reported of its delivery (03 O10), without text and reply. */
  readonly outcome: OutcomeShown | null;
}

export interface OutcomeShown {
  readonly outcome: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly flags: readonly string[];
  readonly settledAt: string | null;
}

const DATE_MAX_MS = 8_640_000_000_000_000;

/** Oldest first in each channel. */
export async function* traceLines(
  store: WholeStore,
  agent: AgentRecord,
  controlId: string,
): AsyncGenerator<TraceLine> {
  for await (const { channel, epoch, lastSeq } of allChannels(store, agent.id)) {
    if (isReserved(channel)) continue;
    const messages = allMessages(store, {
      ...{ agent: agent.id, channel, withBody: false },
      ...{ after: { epoch: -1n, seq: 0n }, upTo: { epoch, seq: lastSeq } },
    });
    for await (const message of messages) {
      if (controlIdIn(message.meta) === controlId) yield upLine(channel, message);
    }
  }
  for await (const { channel } of allOutgoingChannels(store, agent.id)) {
    if (!isReserved(channel)) yield* downLines(store, agent.id, channel, controlId);
  }
}

export function upLine(channel: string, message: MessageRecord): UpLine {
  const { epoch, seq, bytes, receivedAtMs, storedAtMs, sha256, possibleRepeat } = message;
  return {
    ...{ direction: "up", channel, epoch: String(epoch), seq: String(seq), bytes },
    ...{ receivedAt: timeOf(receivedAtMs), storedAt: timeOf(storedAtMs) },
    ...{ sha256: Buffer.from(sha256).toString("hex"), possibleRepeat },
  };
}

/** Its control id stands in its bytes alone; those that were pruned cannot be found any more. */
async function* downLines(
  store: WholeStore,
  agent: number,
  channel: string,
  controlId: string,
): AsyncGenerator<DownLine> {
  for (let after = 0; ; ) {
    const page = await store.listOutgoing(agent, channel, after);
    for (const record of page) {
      const { epoch, seq } = record;
      const found = await readControlId(store, { agent, channel, epoch, seq });
      if (found === controlId) yield downLine(channel, record);
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

export function downLine(channel: string, record: OutgoingRecord): DownLine {
  const { epoch, seq, bytes, queuedAtMs, settledAtMs, outcome } = record;
  return {
    ...{ direction: "down", channel, epoch: String(epoch), seq: String(seq), bytes },
    queuedAt: timeOf(queuedAtMs),
    agentHasItAt: settledAtMs === null ? null : timeOf(settledAtMs),
    outcome: outcome === null ? null : shown(outcome),
  };
}

/** An agent wrote it: what it says is no more than words here, and text and reply may name a patient. */
function shown(text: string): OutcomeShown {
  const report = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const { flags, settledAtMs } = report;
  return {
    outcome: wordOf(report["outcome"]) ?? "?",
    ...{ reason: wordOf(report["reason"]), code: wordOf(report["code"]) },
    flags: Array.isArray(flags) ? flags.flatMap((flag) => wordOf(flag) ?? []) : [],
    settledAt: typeof settledAtMs === "number" && settledAtMs >= 0 ? timeOf(settledAtMs) : null,
  };
}

const wordOf = (value: unknown): string | null =>
  typeof value === "string" && /^[A-Za-z]{1,40}$/.test(value) ? value : null;

/** The agent's clock is not ours: a time beyond what a date can hold is shown as the last. */
const timeOf = (ms: number): string => new Date(Math.min(ms, DATE_MAX_MS)).toISOString();
