/** Refusals, and histories that part: 06 sections 5 and 8. @module */
import { type DataFrame, REJECT_CODE, type RejectCode } from "#protocol/frame.ts";
import { sha256 } from "../messages.ts";
import { expect, Failed, type Scenario } from "../scenario.ts";
import { type AgentSubject, until } from "./subject.ts";

/** Of a REJECT, on the agent's clock. */
const RETRY_AFTER_MS = 3_000;

/** REJECT of the next message, once: it comes again, not before its time, and nothing passes it. */
function rejectOnce(code: RejectCode): Scenario<AgentSubject>["run"] {
  return async (subject) => {
    const visit = await subject.streaming();
    let rejected: DataFrame | undefined;
    let againMs = 0;
    let rejectedMs = 0;
    let isOpened = false;
    subject.manner = (one, frame) => {
      if (frame.type === "open" && rejected !== undefined) isOpened = true;
      if (frame.type !== "data") return false;
      if (rejected === undefined && frame.last) {
        rejected = frame;
        rejectedMs = performance.now();
        one.reject(frame, code, false, RETRY_AFTER_MS);
        return true;
      }
      if (rejected !== undefined && frame.seq === rejected.seq) againMs ||= performance.now();
      return rejected === undefined;
    };
    await subject.send();
    await subject.send();
    const isThere = (): boolean => againMs > 0;
    await subject.settleAfter(isThere);
    const isReopening = code === REJECT_CODE.gap;
    if (isReopening) {
      // At once (06 section 8): there is no time to wait for.
      expect(isOpened || visit.isClosed, "OPEN again", "none");
      return;
    }
    const waitedMs = (againMs - rejectedMs) * subject.options.clockRate;
    const leastMs = RETRY_AFTER_MS * 0.9;
    expect(
      waitedMs >= leastMs,
      `not before ${RETRY_AFTER_MS} ms`,
      `after ${Math.round(waitedMs)} ms`,
    );
  };
}

async function conflict(subject: AgentSubject): Promise<void> {
  await subject.arrived();
  const before = subject.channel?.epoch ?? 0n;
  let isDone = false;
  subject.manner = (visit, frame) => {
    if (frame.type !== "data" || isDone) return false;
    if (!frame.last) return true;
    isDone = true;
    visit.reject(frame, REJECT_CODE.conflict, true, 0);
    return true;
  };
  await subject.send();
  await until(() => (subject.channel?.epoch ?? 0n) > before, subject.within(60_000));
  await subject.settle();
  expectEpochAbove(subject, before);
}

function expectEpochAbove(subject: AgentSubject, before: bigint): void {
  const after = subject.channel?.epoch ?? 0n;
  expect(after > before, `an epoch above ${before}`, `${after}`, "TP18");
}

/** OPENED shows another chain than the agent's: nothing may be settled by the number alone. */
async function otherChain(subject: AgentSubject): Promise<void> {
  await subject.arrived();
  const before = subject.channel?.epoch ?? 0n;
  let isDone = false;
  await subject.cutAnd((visit, frame) => {
    if (frame.type !== "open" || frame.channel !== subject.channel?.channel || isDone) return false;
    isDone = true;
    visit.opened(frame, { chain: sha256(new Uint8Array([1])) });
    return true;
  });
  await subject.send();
  await until(() => (subject.channel?.epoch ?? 0n) > before, subject.within(60_000));
  await subject.settle();
  expectEpochAbove(subject, before);
}

/** The sink is behind where it had acknowledged: restored, or failed over (TP37). */
async function sinkBehind(subject: AgentSubject): Promise<void> {
  await subject.streaming();
  await subject.send();
  await subject.send();
  await subject.settle();
  const book = subject.channel;
  if (book === undefined) throw new Failed("an open channel", "none");
  const { epoch, lastSeq } = book;
  const lost = book.rewind(2).map(({ sha256: hash }) => hash);
  await subject.cutAnd(() => false);
  await subject.settle();
  const back = book.messages.slice(-2).map(({ sha256: hash }) => hash);
  expect(back.join() === lost.join(), "the two lost messages again", `${back.length} messages`);
  expect(book.epoch === epoch && book.lastSeq === lastSeq, "under their numbers", "under others");
}

export const REFUSAL_SCENARIOS: readonly Scenario<AgentSubject>[] = [
  {
    rule: "TP30",
    title: "REJECT BUSY: the same message again, nothing passes it",
    run: rejectOnce(REJECT_CODE.busy),
  },
  {
    rule: "TP29",
    title: "REJECT HASH: the same message again, nothing passes it",
    run: rejectOnce(REJECT_CODE.hash),
  },
  { rule: "TP29", title: "REJECT GAP: OPEN again", run: rejectOnce(REJECT_CODE.gap) },
  {
    rule: "TP37",
    title: "a sink that is behind its own ACK gets the messages again",
    run: sinkBehind,
  },
  { rule: "TP18", title: "REJECT CONFLICT: a new epoch", run: conflict },
  { rule: "TP15", title: "another chain in OPENED: nothing settled, a new epoch", run: otherChain },
];
