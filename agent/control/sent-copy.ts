/** What is kept of a question beside the bytes that left: read by people at the machine, and after a restart (08 4.1). @module */
import { z } from "zod";
import {
  COPY_STATE,
  type CopyState,
  type SupportCopy,
} from "../outbox/support/support-messages.ts";
import type { MessagePlace, Reply } from "./reply.ts";

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const head = z.strictObject({
  format: z.literal(1),
  op: z.string(),
  /** Who asked, as the signer wrote it; of a bundle that a person makes at the machine, who that says he is. */
  by: z.string(),
  ticket: z.string(),
  /** Of the question's payload; absent for a person's own. */
  question: digest.optional(),
  /** Of the envelope as it came: the same bytes again are a repeat. */
  envelope: digest.optional(),
  /** Once it is answered. */
  outcome: z
    .strictObject({
      result: z.enum(["done", "refused", "expired", "failed", "busy"]),
      /** Base64 of what CMD_RESULT says. */
      answer: z.string(),
      answerAt: z.strictObject({ epoch: z.string(), seq: z.string() }).optional(),
      /** Of the answer as people read it, and as it left. */
      plain: digest.optional(),
      sent: digest.optional(),
    })
    .optional(),
});
export type CopyHead = z.infer<typeof head>;

export interface SentCopy extends Omit<SupportCopy, "head"> {
  readonly head: CopyHead;
}

export const headText = (one: CopyHead): string => JSON.stringify(one);

/** @returns `undefined` for one whose head does not open */
export function readCopy({ head: text, ...rest }: SupportCopy): SentCopy | undefined {
  if (text === undefined) return undefined;
  const found = head.safeParse(JSON.parse(text));
  return found.success ? { ...rest, head: found.data } : undefined;
}

export function withReply(
  before: CopyHead,
  { result, answer, answerAt }: Reply,
  digests: { readonly plain?: string; readonly sent?: string } = {},
): CopyHead {
  const place: MessagePlace | undefined = answerAt;
  return {
    ...before,
    outcome: {
      ...{ result, answer: Buffer.from(answer).toString("base64"), ...digests },
      ...(place === undefined
        ? {}
        : { answerAt: { epoch: `${place.epoch}`, seq: `${place.seq}` } }),
    },
  };
}

/** @returns `undefined` while it has none */
export function replyIn({ head: { outcome } }: SentCopy): Reply | undefined {
  if (outcome === undefined) return undefined;
  const { result, answer, answerAt } = outcome;
  return {
    ...{ result, answer: new Uint8Array(Buffer.from(answer, "base64")) },
    ...(answerAt === undefined
      ? {}
      : { answerAt: { epoch: BigInt(answerAt.epoch), seq: BigInt(answerAt.seq) } }),
  };
}

/** Whether its answer is still owed, or its question unanswered. */
export const isOpen = (state: CopyState): boolean =>
  state === COPY_STATE.asked || state === COPY_STATE.owed || state === COPY_STATE.held;
