/**
 * Which reply settles a message: from its MSH-15 and MSH-16, or as the channel says (03 O6, O7). Pure.
 *
 * The table of 03 A4 is the same one by which our listener answers, read from the other side.
 *
 * @module
 */
import { type AckPolicy, decideAck } from "../ingest/hl7/ack-policy.ts";
import type { Msh } from "../ingest/hl7/msh.ts";
import type { ReplyCode } from "./queue.ts";
import type { ExpectedReply } from "./sender-settings.ts";

export interface Expectation {
  /** `none`: the message is settled once TCP has taken it. `silence`: no reply in time means yes. */
  readonly reply: "some" | "silence" | "none";
  /** CA is not the end: an application acknowledgment comes after it. */
  readonly applicationDue: boolean;
}

/** What a reply to our message means. `acceptedForNow`: an application acknowledgment is due (03 O6). */
export type ReplyMeaning = "accepted" | "acceptedForNow" | "error" | "rejected";

/** How a system answers that follows the standard: as our listener does by default. */
const STANDARD: AckPolicy = {
  ackMode: "auto",
  neAlAsOriginal: true,
  answerApplicationAck: false,
  malformedReply: "reject",
  cannotStoreReply: "reject",
};

/** @param msh `undefined` where no header could be read: original mode then */
export function expectationOf(expected: ExpectedReply, msh: Msh | undefined): Expectation {
  switch (expected) {
    case "none":
      return { reply: "none", applicationDue: false };
    case "any":
    case "accept":
      return { reply: "some", applicationDue: false };
    case "application":
      return { reply: "some", applicationDue: true };
    case "auto":
      return byHeader(msh);
  }
}

function byHeader(msh: Msh | undefined): Expectation {
  const stored = decideAck(STANDARD, msh, "stored");
  if (stored.code !== undefined) {
    // Original mode expects AA; a system that says CA all the same will say AA later, or never.
    const applicationDue = stored.applicationAckDue || stored.code === "AA";
    return { reply: "some", applicationDue };
  }
  const rejected = decideAck(STANDARD, msh, "rejected");
  // ER: only a refusal is spoken, and there must be time for it. Silence is no CA, after which an
  // application acknowledgment could be waited for (O6).
  if (rejected.code !== undefined) return { reply: "silence", applicationDue: false };
  // NE with an application acknowledgment due cannot be: A5 answers that pair.
  return { reply: "none", applicationDue: false };
}

export function meaningOf(code: ReplyCode, { applicationDue }: Expectation): ReplyMeaning {
  switch (code) {
    case "AA":
      return "accepted";
    case "CA":
      return applicationDue ? "acceptedForNow" : "accepted";
    case "AE":
    case "CE":
      return "error";
    case "AR":
    case "CR":
      return "rejected";
  }
}
