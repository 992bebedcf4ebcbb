/** What a receiver answers, and what it must. @module */
import { OPENED_STATUS, REJECT_CODE, type RejectCode } from "#protocol/frame.ts";
import type { Conversation, FrameOf } from "../conversation.ts";
import { hex } from "../messages.ts";
import { expect, expectSame, Failed } from "../scenario.ts";
import { frameInWords, nameOf } from "../words.ts";
import type { Ledger } from "./ledger.ts";

export type Answer = FrameOf<"ack" | "reject" | "error" | "goaway">;

/** The next frame that says something of what was sent; an ACK that says no more than `known` may always come. */
export async function answerTo(talk: Conversation, known: bigint): Promise<Answer> {
  while (true) {
    const frame = await talk.nextOf(["ack", "reject", "error", "goaway"]);
    if (frame.type !== "ack" || frame.lastSeq > known) return frame;
  }
}

/** Waits for the ACK of everything in the ledger. @throws {Failed} also if more is acked */
export async function acked(talk: Conversation, ledger: Ledger): Promise<FrameOf<"ack">> {
  while (true) {
    const frame = await talk.nextOf(["ack", "reject", "error", "goaway"]);
    if (frame.type !== "ack") {
      throw new Failed(`ACK of seq ${ledger.lastSeq}`, frameInWords(frame));
    }
    expectSame("ACK of epoch", frame.epoch, ledger.epoch, "TP24");
    const { lastSeq } = ledger;
    expect(frame.lastSeq <= lastSeq, `no ACK above ${lastSeq}`, frameInWords(frame), "TP24");
    if (frame.lastSeq === lastSeq) return frame;
  }
}

export function expectOpened(opened: FrameOf<"opened">, ledger: Ledger): void {
  const here = `OPENED OK, epoch ${ledger.epoch}, last seq ${ledger.lastSeq}`;
  const isMet =
    opened.status === OPENED_STATUS.ok &&
    opened.epoch === ledger.epoch &&
    opened.lastSeq === ledger.lastSeq;
  expect(isMet, here, frameInWords(opened), "TP14");
  // Of an epoch that holds nothing there is no chain to differ.
  if (opened.lastSeq === 0n && opened.chain === null) return;
  const [own, theirs] = [ledger.chain, opened.chain].map((one) =>
    one === null ? "null" : hex(one),
  );
  expect(own === theirs, `chain ${own} at seq ${ledger.lastSeq}`, `chain ${theirs}`, "TP15");
}

/** Waits for ERROR and the end. @throws {Failed} unless it is of this code, and closed with 1002 (TP32) */
export async function refused(talk: Conversation, name: string, code: number): Promise<void> {
  const ending = await talk.ended();
  expect(ending.error?.code === code, `ERROR ${name}`, talk.inWords());
  expect(ending.code === 1002, "closed with 1002", `closed with ${ending.code}`, "TP32");
}

/** REJECT of `seq`, of this kind. */
export async function rejected(
  talk: Conversation,
  ledger: Ledger,
  seq: bigint,
  code: RejectCode,
): Promise<void> {
  const isPermanent = code === REJECT_CODE.conflict;
  const frame = await answerTo(talk, ledger.lastSeq);
  const kind = isPermanent ? "permanent" : "not permanent";
  const isIt = frame.type === "reject" && frame.code === code && frame.seq === seq;
  expect(
    isIt && frame.permanent === isPermanent,
    `REJECT ${nameOf(REJECT_CODE, code)} of seq ${seq} (${kind})`,
    frameInWords(frame),
  );
}
