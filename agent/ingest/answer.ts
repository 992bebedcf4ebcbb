/**
 * What the sender of a block will hear: made before the commit, while the headers are at hand, and let go
 * only behind it (I-1).
 *
 * @module
 */
import type { Arrival } from "./channel.ts";
import type { Batch, Item } from "./examine.ts";
import { type AckCode, type AckDecision, decideAck } from "./hl7/ack-policy.ts";
import { type Msh, readMsh } from "./hl7/msh.ts";
import type { ReplyBuilder, ReplyReason } from "./replies.ts";

/** How the receiver answered a message, in mode `deferred`. */
export type ReceiverVerdict = "settled" | "refused" | "silent";

/** A reply, or why there is none. */
export interface Said {
  /** `undefined`: nothing is sent. */
  readonly reply: Uint8Array | undefined;
  /** MSA-1, or `none`: what the channel's record shows. */
  readonly code: string;
  /** The connection is closed at once, and nothing behind it is answered. */
  readonly close: boolean;
}

export interface Answer extends Said {
  /** In place of the reply where the store cannot store; `undefined`: hang up (03 E1). */
  readonly failure: Uint8Array | undefined;
  readonly failureCode: string | undefined;
  /** Mode `deferred`: the reply comes from here once the receiver has answered. */
  readonly later: ((verdict: ReceiverVerdict) => Said) | undefined;
  /** For each item what its own header asks for; `undefined` for what is no message. */
  readonly decisions: readonly (AckDecision | undefined)[];
  /** For each item whether its sender is owed a word about it (03 E5). */
  readonly owed: readonly boolean[];
}

/** One item with what is said about it. */
interface Word {
  readonly msh: Msh | undefined;
  readonly code: AckCode | undefined;
  readonly reason: ReplyReason | undefined;
}

const OWED: readonly boolean[] = [true];
const NOT_OWED: readonly boolean[] = [false];
const NO_FAILURE = { failure: undefined, failureCode: undefined } as const;
const SILENT: Said = { reply: undefined, code: "none", close: false };

/** @param items of one block, at least one */
export function prepareAnswer(
  arrival: Arrival,
  items: readonly Item[],
  batch: Batch | undefined,
  replies: ReplyBuilder,
): Answer {
  const [only] = items;
  const { ackPolicy } = arrival.channel.rules;
  const simple = items.length === 1 && batch === undefined && ackPolicy.ackMode !== "deferred";
  return simple && only !== undefined && arrival.answerable
    ? singleAnswer(arrival, only, replies)
    : severalAnswers(arrival, items, batch, replies);
}

/** For a block that is one message, which nearly all are. */
function singleAnswer(arrival: Arrival, item: Item, replies: ReplyBuilder): Answer {
  const decision = decisionOf(arrival, item);
  const { code, close } = decision;
  const { ackMode } = arrival.channel.rules.ackPolicy;
  const reply = replies.reply(ackMode, item.msh, code, item.refusal);
  const { failure, failureCode } = failureOf(arrival, item, replies);
  return {
    reply,
    code: code ?? "none",
    close,
    failure,
    failureCode,
    later: undefined,
    decisions: [decision],
    owed: item.refusal === undefined && reply !== undefined ? OWED : NOT_OWED,
  };
}

/** What is said where the store cannot store; by default nothing (03 E1). */
function failureOf(
  arrival: Arrival,
  first: Item | undefined,
  replies: ReplyBuilder,
): Pick<Answer, "failure" | "failureCode"> {
  const { ackPolicy } = arrival.channel.rules;
  if (ackPolicy.cannotStoreReply === "close") return NO_FAILURE;
  const { code } = decideAck(ackPolicy, first?.msh, "cannotStore", first?.acknowledges);
  const failure = replies.reply(ackPolicy.ackMode, first?.msh, code, "cannotStore");
  return { failure, failureCode: code };
}

function severalAnswers(
  arrival: Arrival,
  items: readonly Item[],
  batch: Batch | undefined,
  replies: ReplyBuilder,
): Answer {
  const { ackPolicy } = arrival.channel.rules;
  const [first] = items.filter(({ isMessage }) => isMessage);
  const decisions = items.map((item) => (item.isMessage ? decisionOf(arrival, item) : undefined));
  const common = { ...failureOf(arrival, first, replies), decisions, later: undefined };
  const nobody = items.map(() => false);
  if (!arrival.answerable) return { ...common, ...SILENT, owed: nobody };
  const words = items.flatMap(({ msh, refusal, isMessage }, index): Word[] =>
    isMessage ? [{ msh, code: decisions[index]?.code, reason: refusal }] : [],
  );
  const speaker = new Speaker(arrival, batch, replies);
  const close = decisions.some((decision) => decision?.close === true);
  const said = { ...speaker.say(words, speaker.wholeWord(items)), close };
  const owed = items.map(({ refusal }, index) => {
    const asked = speaker.isBatch ? decisions[index]?.code !== undefined : said.reply !== undefined;
    return refusal === undefined && asked && said.reply !== undefined;
  });
  const waits = ackPolicy.ackMode === "deferred" && owed.includes(true) && speaker.mayWait(items);
  return waits
    ? { ...common, ...SILENT, owed, later: laterAnswer(arrival, words, speaker) }
    : { ...common, ...said, owed };
}

function decisionOf({ channel, kind }: Arrival, item: Item): AckDecision {
  const { ackPolicy, oversizeReply } = channel.rules;
  const verdict = item.refusal === undefined ? "stored" : "rejected";
  if (kind !== "tooLarge") return decideAck(ackPolicy, item.msh, verdict, item.acknowledges);
  // 03 F7 has a key of its own for it, and always closes behind it.
  const policy = { ...ackPolicy, malformedReply: "reject" as const };
  const decision = decideAck(policy, item.msh, verdict, item.acknowledges);
  return oversizeReply === "close" ? { ...decision, code: undefined } : decision;
}

/** How the words about the messages of a block become one reply block (03 A2, F12). */
class Speaker {
  readonly isBatch: boolean;
  readonly #arrival: Arrival;
  readonly #header: Uint8Array | undefined;
  readonly #replies: ReplyBuilder;
  readonly #form: "batch" | "first" | "none";

  constructor(arrival: Arrival, batch: Batch | undefined, replies: ReplyBuilder) {
    const { ackPolicy, batchReply } = arrival.channel.rules;
    const enveloped = batch?.header !== undefined && ackPolicy.ackMode !== "r2";
    this.#arrival = arrival;
    // A copy: it may be needed after the chunk that it lies in is gone.
    this.#header = batch?.header === undefined ? undefined : new Uint8Array(batch.header);
    this.#replies = replies;
    this.#form = enveloped ? batchReply : "first";
    this.isBatch = this.#form === "batch";
  }

  /** A single word for several messages is not put off if it is negative already. */
  mayWait(items: readonly Item[]): boolean {
    return this.isBatch || items.every(({ refusal }) => refusal === undefined);
  }

  /** For the first control id; negative if any message was rejected (03 F12). */
  wholeWord(items: readonly Item[]): Word {
    const messages = items.filter(({ isMessage }) => isMessage);
    const [first] = messages;
    const bad = messages.find(({ refusal }) => refusal !== undefined);
    if (first === undefined) return { msh: undefined, code: undefined, reason: undefined };
    const { code } = decisionOf(this.#arrival, { ...first, refusal: bad?.refusal });
    return { msh: first.msh, code, reason: bad?.refusal };
  }

  say(words: readonly Word[], whole: Word): Said {
    const { ackMode } = this.#arrival.channel.rules.ackPolicy;
    const built = ({ msh, code, reason }: Word): Uint8Array | undefined =>
      this.#replies.reply(ackMode, msh, code, reason);
    if (this.#form === "none") return SILENT;
    if (!this.isBatch || this.#header === undefined) {
      return { reply: built(whole), code: whole.code ?? "none", close: false };
    }
    const acknowledgments = words.flatMap((word) => built(word) ?? []);
    if (acknowledgments.length === 0) return SILENT;
    const worst = words.find(({ code }) => code !== undefined && !code.endsWith("A"));
    const code = worst?.code ?? words.find((word) => word.code !== undefined)?.code ?? "none";
    return { reply: this.#replies.batch(this.#header, acknowledgments), code, close: false };
  }
}

/** 03 A3 `deferred`: AA as the receiver took it, AR as it refused it, the fallback if it is silent. */
function laterAnswer(
  arrival: Arrival,
  words: readonly Word[],
  speaker: Speaker,
): (verdict: ReceiverVerdict) => Said {
  const kept = words.map((word) => ({ ...word, msh: copyOf(word.msh) }));
  const { deferredFallback } = arrival.channel.rules;
  const say = (code: AckCode, reason?: ReplyReason): Said => {
    // Only what was owed an AA: an acknowledgment in a batch is not answered (A12).
    const spoken = kept.map((word) => (word.code === "AA" ? { ...word, code, reason } : word));
    return speaker.say(spoken, spoken[0] ?? { msh: undefined, code, reason });
  };
  return (verdict) => {
    if (verdict === "settled") return say("AA");
    if (verdict === "refused") return say("AR", "receiverRefused");
    if (deferredFallback === "storeAA") return say("AA");
    if (deferredFallback === "error") return say("AE", "receiverSilent");
    return { ...SILENT, close: true };
  };
}

function copyOf(msh: Msh | undefined): Msh | undefined {
  if (msh === undefined) return undefined;
  const reading = readMsh(new Uint8Array(msh.segment));
  return reading.kind === "batch" ? undefined : reading.msh;
}
