/**
 * What the receiver is told of a delivery: one message on the reserved channel `$outcomes` (06 TP35, 03 O10),
 * written in the commit that settles.
 *
 * The body is one JSON object, `application/json`, UTF-8, with these members in this order; absent ones are left
 * out, and a reader passes over members that it does not know:
 *
 * ```
 * "schema"       "holdfast.outcome/1"
 * "channel"      name of the downstream channel
 * "epoch" "seq"  of the message, as decimal text: they may pass 2^53
 * "outcome"      "accepted" | "quarantined"
 * "reason"       why it was quarantined: a name of QUARANTINE_REASONS
 * "code"         MSA-1 of the reply
 * "flags"        names of OUTCOME_FLAGS
 * "settledAtMs"  ms since 1970
 * "text"         MSA-3, base64 of its bytes: nobody here decides on a character set
 * "reply"        the whole reply as it came, base64
 * ```
 *
 * Text and reply may hold what identifies a patient: the report is sealed here like every message.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { OutcomeFlag, QuarantineReason, ReplyCode } from "../../deliver/queue.ts";
import type { TicketedEntry } from "../writing/append-batch.ts";

/** Reserved (06 TP35): no hospital system has a channel of this name. */
export const OUTCOMES_CHANNEL = "$outcomes";
/** Whether a channel is one of our own: no hospital system sends on it, and `status` does not list it. */
export const isReservedChannel = (name: string): boolean => name.startsWith("$");
export const OUTCOME_SCHEMA = "holdfast.outcome/1";

export interface OutcomeReport {
  readonly channel: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly outcome: "accepted" | "quarantined";
  readonly reason: QuarantineReason | undefined;
  readonly code: ReplyCode | undefined;
  readonly flags: readonly OutcomeFlag[];
  readonly settledAtMs: number;
  readonly text: Uint8Array | undefined;
  readonly reply: Uint8Array | undefined;
}

export function reportBytes(report: OutcomeReport): Uint8Array {
  const { channel, epoch, seq, outcome, reason, code, flags, settledAtMs } = report;
  const text = base64(report.text);
  const reply = base64(report.reply);
  return Buffer.from(
    JSON.stringify({
      ...{ schema: OUTCOME_SCHEMA, channel, epoch: String(epoch), seq: String(seq), outcome },
      ...{ reason, code, flags, settledAtMs, text, reply },
    }),
  );
}

const base64 = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined || bytes.length === 0 ? undefined : Buffer.from(bytes).toString("base64");

const CONTROL_KEY_BYTES = 8;

/**
 * The report as an entry of the outbox: nobody waits for a reply, and it is no repeat. Its control id is
 * `channel/epoch/seq` of the message, by which `trace` finds it.
 */
export function reportEntry(outcomes: number, report: OutcomeReport): TicketedEntry {
  const body = reportBytes(report);
  const sha256 = hash("sha256", body, "buffer");
  return {
    ...{ ticket: 0, claim: undefined, channel: outcomes, quarantine: undefined, ackOwed: false },
    ...{ duplicates: "off", duplicateWindowMs: 0, receivedAtMs: report.settledAtMs },
    ...{ length: body.length, sha256, controlKey: sha256.subarray(0, CONTROL_KEY_BYTES) },
    controlId: Buffer.from(`${report.channel}/${report.epoch}/${report.seq}`),
    ...{ source: "", body, upload: 0, uploadAt: 0, uploadBytes: 0, attributes: "" },
    claim: undefined,
  };
}
