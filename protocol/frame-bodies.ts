/**
 * The CDDL of 06 section 3 as tables: every frame but DATA, whose body is not CBOR.
 *
 * @module
 */
import { type Body, body, group, optional, required } from "./body.ts";
import type { Credit, Frame, OpenedFrame, OpenFrame } from "./frame.ts";
import {
  ERROR_CODE,
  GOAWAY_CODE,
  OPENED_STATUS,
  PRIORITY,
  REJECT_CODE,
  SKIP_REASON,
} from "./frame.ts";
import {
  bool,
  bstr,
  hash,
  id,
  type Kind,
  list,
  mapped,
  messageId,
  nullable,
  oneOf,
  pair,
  seq,
  text,
  tstr,
  tstrWithin,
  uint,
  uint63,
} from "./kind.ts";
import { CHANNEL_NAME_MAX_BYTES } from "./limits.ts";

type CborFrame = Exclude<Frame, { type: "data" }>;
type BodyOf<Name> = Omit<Extract<CborFrame, { type: Name }>, "type" | "stream">;

const capability = tstrWithin(1, 32);
const channelName = tstrWithin(0, CHANNEL_NAME_MAX_BYTES, ERROR_CODE.limit);

const credit = group(
  body<Credit>({
    streamLimit: optional(3, uint),
    connectionLimit: optional(4, uint),
    bytesReceived: optional(5, uint),
  }),
);

const previousEpoch: Kind<NonNullable<OpenFrame["previousEpoch"]>> = mapped(
  pair(uint63, nullable(uint63)),
  ([epoch, finalSeq]) => ({ epoch, finalSeq }),
  (previous) => [previous.epoch, previous.finalSeq],
);

const partialMessage: Kind<NonNullable<OpenedFrame["partial"]>> = mapped(
  pair(seq, uint),
  ([seq, durableOffset]) => ({ seq, durableOffset }),
  (partial) => [partial.seq, partial.durableOffset],
);

export const BODIES: { readonly [Name in CborFrame["type"]]: Body<BodyOf<Name>> } = {
  hello: body<BodyOf<"hello">>({
    minorRange: required(1, pair(uint, uint)),
    capabilities: required(2, list(capability)),
    storeId: required(3, id),
    instanceNonce: required(4, id),
    version: required(5, tstr),
    frameLimit: required(6, uint),
    nowMs: required(7, uint),
    downstreamCredit: required(8, uint),
  }),
  welcome: body<BodyOf<"welcome">>({
    minor: required(1, uint),
    capabilities: required(2, list(capability)),
    session: required(3, uint),
    frameLimit: required(4, uint),
    heartbeatMs: required(5, uint),
    upstreamCredit: required(6, uint),
    nowMs: required(7, uint),
    messageLimit: required(8, uint),
    receiverStoreId: required(9, id),
  }),
  open: body<BodyOf<"open">>({
    channel: required(1, channelName),
    epoch: required(2, uint63),
    nextSeq: required(3, seq),
    oldestRetainedSeq: required(4, nullable(seq)),
    previousEpoch: required(5, nullable(previousEpoch)),
    priority: required(6, oneOf(PRIORITY)),
    newEpochReason: optional(7, uint),
  }),
  opened: body<BodyOf<"opened">>({
    status: required(1, oneOf(OPENED_STATUS)),
    epoch: required(2, uint63),
    credit,
    lastSeq: required(6, uint63),
    chain: required(7, nullable(hash)),
    partial: optional(8, partialMessage),
    text: optional(9, text),
    retryAfterMs: optional(10, uint),
  }),
  skip: body<BodyOf<"skip">>(
    {
      firstSeq: required(1, seq),
      lastSeq: required(2, seq),
      reason: required(3, oneOf(SKIP_REASON)),
      chain: required(4, nullable(hash)),
      text: optional(9, text),
    },
    (skip) => skip.firstSeq <= skip.lastSeq,
  ),
  ack: body<BodyOf<"ack">>({
    epoch: required(1, uint63),
    lastSeq: required(2, uint63),
    credit,
  }),
  partial: body<BodyOf<"partial">>({
    seq: required(1, seq),
    durableOffset: required(2, uint),
  }),
  credit: body<BodyOf<"credit">>({ credit }),
  reject: body<BodyOf<"reject">>({
    seq: required(1, seq),
    code: required(2, oneOf(REJECT_CODE)),
    permanent: required(3, bool),
    retryAfterMs: optional(4, uint),
    text: optional(9, text),
  }),
  ping: body<BodyOf<"ping">>({
    nonce: required(1, uint),
    unsettledCount: optional(2, uint),
    oldestAgeMs: optional(3, uint),
  }),
  pong: body<BodyOf<"pong">>({ nonce: required(1, uint) }),
  cmd: body<BodyOf<"cmd">>({
    id: required(1, id),
    document: required(2, bstr),
  }),
  cmdResult: body<BodyOf<"cmdResult">>({
    id: required(1, id),
    result: required(2, uint),
    answer: optional(3, bstr),
    answerAt: optional(4, messageId),
    text: optional(9, text),
  }),
  cmdDone: body<BodyOf<"cmdDone">>({ id: required(1, id) }),
  goaway: body<BodyOf<"goaway">>({
    code: required(1, oneOf(GOAWAY_CODE)),
    retryAfterMs: optional(2, uint),
    text: optional(9, text),
  }),
  error: body<BodyOf<"error">>({
    code: required(1, oneOf(ERROR_CODE)),
    frameType: optional(2, uint),
    text: optional(9, text),
  }),
};
