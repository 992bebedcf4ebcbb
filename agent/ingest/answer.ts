/**
 * What the sender of a block will hear: made before the commit, while the header is at hand, and let go
 * only behind it (I-1).
 *
 * @module
 */
import type { Arrival } from "./channel.ts";
import type { Batch, Item } from "./examine.ts";
import { type AckCode, type AckDecision, decideAck, type Verdict } from "./hl7/ack-policy.ts";
import { readMsh } from "./hl7/msh.ts";
import type { ReplyBuilder, ReplyReason } from "./replies.ts";

/** How the receiver answered a message, in mode `deferred`. */
export type ReceiverVerdict = "settled" | "refused" | "silent";

export interface Answer {
  /** `undefined`: nothing is sent. */
  readonly reply: Uint8Array | undefined;
  /** MSA-1, or `none`: what the channel's record shows. */
  readonly code: string;
  /** The connection is closed behind it. */
  readonly close: boolean;
  /** In place of the reply where the store cannot store; `undefined`: hang up (03 E1). */
  readonly failure: Uint8Array | undefined;
  readonly failureCode: string | undefined;
  /** Mode `deferred`: the reply comes from here once the receiver has answered. */
  readonly later: ((verdict: ReceiverVerdict) => Later) | undefined;
  readonly decision: AckDecision;
}

export interface Later {
  readonly reply: Uint8Array | undefined;
  readonly code: string;
  /** Nothing is said, and the connection is closed. */
  readonly close: boolean;
}

/** @param items of one block, at least one */
export function prepareAnswer(
  arrival: Arrival,
  items: readonly Item[],
  batch: Batch | undefined,
  replies: ReplyBuilder,
): Answer {
  const { rules } = arrival.channel;
  const { ackPolicy, batchReply } = rules;
  const { ackMode } = ackPolicy;
  const messages = items.filter(({ isMessage }) => isMessage);
  const [first] = messages;
  const bad = messages.find(({ refusal }) => refusal !== undefined);
  const decision = decisionFor(arrival, first, bad);
  const failed = decideAck(ackPolicy, first?.msh, "cannotStore", first?.acknowledges);
  const failure = replies.reply(ackMode, first?.msh, failed.code, "cannotStore");
  const failing = { failure, failureCode: failed.code };
  const common = { ...failing, decision, close: decision.close, later: undefined };
  if (!arrival.answerable) return { ...common, reply: undefined, code: "none", close: false };
  const deferred = ackMode === "deferred" && bad === undefined && decision.code !== undefined;
  if (deferred) {
    return {
      ...common,
      reply: undefined,
      code: "none",
      later: laterAnswer(arrival, first, replies),
    };
  }
  const wholeBatch = batch?.header !== undefined && ackMode !== "r2";
  if (wholeBatch && batchReply === "none") return { ...common, reply: undefined, code: "none" };
  if (wholeBatch && batchReply === "batch" && batch.header !== undefined) {
    const acknowledgments = messages.flatMap((item) => ownReply(arrival, item, replies));
    const none = acknowledgments.length === 0;
    const reply = none ? undefined : replies.batch(batch.header, acknowledgments);
    return { ...common, reply, code: none ? "none" : (decision.code ?? "BTS") };
  }
  const reply = replies.reply(ackMode, first?.msh, decision.code, bad?.refusal);
  return { ...common, reply, code: decision.code ?? "none" };
}

/** For the first control id; negative if any of them was rejected (03 F12). */
function decisionFor(
  arrival: Arrival,
  first: Item | undefined,
  bad: Item | undefined,
): AckDecision {
  const { rules } = arrival.channel;
  const verdict: Verdict = bad === undefined ? "stored" : "rejected";
  const decision = decideAck(rules.ackPolicy, first?.msh, verdict, first?.acknowledges);
  if (arrival.kind !== "tooLarge") return decision;
  // 03 F7 has a key of its own for it, and always closes.
  const policy = { ...rules.ackPolicy, malformedReply: "reject" as const };
  const refused = decideAck(policy, first?.msh, verdict, first?.acknowledges);
  return rules.oversizeReply === "close" ? { ...refused, code: undefined } : refused;
}

function ownReply(arrival: Arrival, item: Item, replies: ReplyBuilder): Uint8Array[] {
  const { ackPolicy } = arrival.channel.rules;
  const verdict: Verdict = item.refusal === undefined ? "stored" : "rejected";
  const { code } = decideAck(ackPolicy, item.msh, verdict, item.acknowledges);
  const reply = replies.reply(ackPolicy.ackMode, item.msh, code, item.refusal);
  return reply === undefined ? [] : [reply];
}

/** 03 A3 `deferred`: AA as the receiver took it, AR as it refused it, the fallback if it is silent. */
function laterAnswer(
  arrival: Arrival,
  first: Item | undefined,
  replies: ReplyBuilder,
): (verdict: ReceiverVerdict) => Later {
  // A copy: the chunk that the header lies in is gone by then.
  const segment = first?.msh?.segment;
  const reading = segment === undefined ? undefined : readMsh(new Uint8Array(segment));
  const msh = reading?.kind === "batch" ? undefined : reading?.msh;
  const { deferredFallback } = arrival.channel.rules;
  const say = (code: AckCode, reason?: ReplyReason): Later => ({
    reply: replies.reply("deferred", msh, code, reason),
    code,
    close: false,
  });
  return (verdict) => {
    if (verdict === "settled") return say("AA");
    if (verdict === "refused") return say("AR", "receiverRefused");
    if (deferredFallback === "storeAA") return say("AA");
    if (deferredFallback === "error") return say("AE", "receiverSilent");
    return { reply: undefined, code: "none", close: true };
  };
}
