/**
 * How the delivery of a message stands, written down, inside the writer's transaction (03 O1, O3 to O6, O10).
 * What is settled stays as it is: a repeated call changes nothing.
 *
 * @module
 */
import type {
  Awaiting,
  Hold,
  Outcome,
  OutcomeFlag,
  Reply,
  ReplyCode,
} from "../../deliver/queue.ts";
import type { TicketedEntry } from "../writing/append-batch.ts";
import { dropBody } from "./inbox-bodies.ts";
import { type InboxRow, rowAt } from "./inbox-rows.ts";
import type { StepParts } from "./locate.ts";
import { reportEntry } from "./outcome-report.ts";
import { INBOX_STATE, isOpen } from "./row-states.ts";
import { openAnswer, sealAnswer } from "./sealed-answer.ts";

const NOTHING = new Uint8Array(0);

/** 03 O6: accepted, and the application acknowledgment is due. */
export function awaitAcknowledgment(parts: StepParts, awaiting: Awaiting, reply: Reply): void {
  const { id, controlId, untilMs, flags } = awaiting;
  const row = openRow(parts, id);
  if (row === undefined) return;
  const { text, bytes } = reply;
  const answer = sealAnswer(parts.sealer, row, { controlId, text, bytes });
  parts.prepared.inboxAwait.run(untilMs, flagText(flags), reply.code, answer, id);
}

/** 03 O5. */
export function hold(parts: StepParts, { id, why, flags }: Hold, reply: Reply | undefined): void {
  const row = openRow(parts, id);
  if (row === undefined) return;
  const answer = answerOf(parts, row, reply);
  parts.prepared.inboxHold.run(why, flagText(flags), reply?.code ?? null, answer, id);
}

export interface SettledAt {
  readonly atMs: number;
  /** The number of the channel `$outcomes` in the outbox. */
  readonly outcomes: number;
}

/** O10: the end of a message. @returns what the receiver is told; `undefined` if it was settled before */
export function settle(
  parts: StepParts,
  id: number,
  outcome: Outcome,
  { atMs, outcomes }: SettledAt,
): TicketedEntry | undefined {
  const row = openRow(parts, id);
  if (row === undefined) return undefined;
  const { prepared, sealer } = parts;
  const { kind, reply } = outcome;
  const flags = flagsOf(row, outcome.flags);
  const sealed = answerOf(parts, row, reply) ?? row.answer;
  const code = reply?.code ?? (row.code as ReplyCode | null);
  const reason = kind === "quarantined" ? outcome.reason : undefined;
  const state = kind === "accepted" ? INBOX_STATE.accepted : INBOX_STATE.aside;
  prepared.inboxSettle.run(state, atMs, reason ?? null, flagText(flags), code, sealed, id);
  const { channel, epoch, seq, length } = row;
  const [asideCount, asideBytes] = kind === "accepted" ? [0, 0] : [1, length];
  prepared.inboxChannelCount.run(-1, -length, asideCount, asideBytes, channel);
  const said = reply ?? openAnswer(sealer, row, row.answer);
  return reportEntry(outcomes, {
    channel: prepared.inboxChannelName.get(channel) as string,
    ...{ epoch, seq, outcome: kind, reason, code: code ?? undefined, flags, settledAtMs: atMs },
    ...{ text: said?.text, reply: said?.bytes },
  });
}

/** A person gives messages up that were set aside: their bytes go. @returns how many there were */
export function discard(parts: StepParts, ids: readonly number[]): number {
  const { prepared } = parts;
  let count = 0;
  for (const id of ids) {
    const row = rowAt(parts, id);
    if (row?.state !== INBOX_STATE.aside) continue;
    prepared.inboxPrune.run(INBOX_STATE.discarded, id);
    prepared.inboxChannelCount.run(0, 0, -1, -row.length, row.channel);
    dropBody(prepared, id, row.length);
    count += 1;
  }
  return count;
}

function openRow(parts: StepParts, id: number): InboxRow | undefined {
  const row = rowAt(parts, id);
  if (row === undefined) throw new RangeError(`Cannot find message ${id} of the inbox`);
  return isOpen(row.state) ? row : undefined;
}

function answerOf(
  { sealer }: StepParts,
  row: InboxRow,
  reply: Reply | undefined,
): Uint8Array | null {
  if (reply === undefined) return null;
  const { text, bytes } = reply;
  return sealAnswer(sealer, row, { controlId: NOTHING, text, bytes });
}

/** Also where this store does not know it: it, or one before it, may have delivered the message (TP34, RI6). */
function flagsOf(row: InboxRow, flags: readonly OutcomeFlag[]): readonly OutcomeFlag[] {
  if (!row.possibleRepeat || flags.includes("possibleRepeat")) return flags;
  return [...flags, "possibleRepeat"];
}

/** In clear: they are public names. */
const flagText = (flags: readonly OutcomeFlag[]): string => flags.join(",");

export const flagsFrom = (text: string): readonly OutcomeFlag[] =>
  text === "" ? [] : (text.split(",") as OutcomeFlag[]);
