/** Messages on their way, and credit for them: 06 sections 5 and 6. @module */
import { setTimeout as pause } from "node:timers/promises";
import { type DataFrame, OPENED_STATUS } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES } from "#protocol/limits.ts";
import { expect, expectSame, Failed, type Scenario } from "../scenario.ts";
import { type AgentSubject, until } from "./subject.ts";
import type { Visit } from "./visit.ts";

const LARGE_BYTES = 3_000_000;
/** A limit that a message of 200 KB does not fit in. */
const NARROW_BYTES = 40_000;
const WATCH_MS = 500;

async function sizes(subject: AgentSubject): Promise<void> {
  await subject.streaming();
  for (const bytes of [200, 32_768, 100_000, LARGE_BYTES]) await subject.send(bytes);
  for (let count = 0; count < 20; count++) await subject.send();
  await subject.settle();
}

/** Every message is held back until all are here, and then acknowledged in a disorderly way. */
async function ackDisorder(subject: AgentSubject): Promise<void> {
  const visit = await subject.arrived();
  const book = subject.channel;
  const stream = book && visit.streamOf(book.channel);
  if (book === undefined || stream === undefined) throw new Failed("an open channel", "none");
  const first = book.lastSeq + 1n;
  subject.manner = holdAcks;
  for (let count = 0; count < 4; count++) await subject.send();
  await until(() => book.lastSeq === first + 3n, subject.within(1_000));
  const { epoch } = book;
  for (const lastSeq of [first + 1n, first, first + 3n, first + 3n, first + 2n, 0n]) {
    visit.send({ type: "ack", stream, epoch, lastSeq, credit: {} });
  }
  await pause(WATCH_MS);
  expect(!visit.isClosed, "old and repeated ACKs mean nothing", visit.inWords());
  const next = await subject.cutAnd(() => false);
  const open = await opensAgain(next, book.channel);
  expectSame("OPEN with next seq", open.nextSeq, first + 4n, "TP14");
  await subject.settle();
}

async function opensAgain(visit: Visit, channel: string) {
  while (true) {
    const open = await visit.next("open");
    if (open.channel === channel) return open;
  }
}

/** Stores, and says nothing. */
function holdAcks(visit: Visit, frame: { readonly type: string }): boolean {
  if (frame.type !== "data") return false;
  const message = visit.assemble(frame as DataFrame);
  const { stream } = frame as DataFrame;
  if (message !== undefined) visit.streams.get(stream)?.book.take(message);
  return true;
}

/** What was never sent cannot be acknowledged. */
async function ackAhead(subject: AgentSubject): Promise<void> {
  const visit = await subject.arrived();
  const { channel, epoch, lastSeq } = subject.channel ?? {};
  const stream = channel === undefined ? undefined : visit.streamOf(channel);
  if (stream === undefined || epoch === undefined || lastSeq === undefined) {
    throw new Failed("an open channel", "none");
  }
  visit.send({ type: "ack", stream, epoch, lastSeq: lastSeq + 5n, credit: {} });
  await pause(WATCH_MS);
  await subject.send();
  await subject.settle();
}

async function credit(subject: AgentSubject): Promise<void> {
  const visit = await subject.cutAnd((one, frame) => {
    if (frame.type === "open") {
      one.opened(frame, { credit: { streamLimit: NARROW_BYTES } });
      return true;
    }
    return frame.type === "data";
  });
  await subject.send(200_000);
  await pause(WATCH_MS);
  // The check of every DATA against the limit notes what exceeds it.
  expect(visit.received <= NARROW_BYTES, `at most ${NARROW_BYTES} bytes`, `${visit.received}`);
  for (const [stream] of visit.streams) {
    visit.allow(stream, 2 * NARROW_BYTES + CHUNK_MAX_BYTES);
    // Lower and repeated limits are ignored.
    visit.allow(stream, 2 * NARROW_BYTES + CHUNK_MAX_BYTES);
    visit.allow(stream, 1);
  }
  const isMoving = await until(() => visit.received > NARROW_BYTES, subject.within(1_000));
  expect(isMoving, "DATA after CREDIT", "none");
  await pause(WATCH_MS);
  subject.judge();
  await subject.cutAnd(() => false);
  await subject.settle();
}

async function noCredit(subject: AgentSubject): Promise<void> {
  const visit = await subject.cutAnd((one, frame) => {
    if (frame.type !== "open") return false;
    one.opened(frame, { credit: { streamLimit: 0 } });
    return true;
  });
  await subject.send();
  await pause(WATCH_MS);
  expectSame("bytes without credit", visit.received, 0);
  // The connection lives on meanwhile.
  visit.send({ type: "ping", stream: 0, nonce: 7 });
  expectSame("PONG with nonce", (await visit.next("pong")).nonce, 7, "TP26");
  subject.manner = () => false;
  for (const [stream] of visit.streams) visit.allow(stream, 1 << 30);
  await subject.settle();
}

async function partial(subject: AgentSubject): Promise<void> {
  await subject.arrived();
  const at = 1_048_576;
  let seq: bigint | undefined;
  // Nothing is reported as received, so that no more than the window comes.
  subject.manner = (_, frame) => {
    if (frame.type !== "data") return false;
    seq ??= frame.seq;
    return true;
  };
  const visit = subject.last;
  await subject.send(LARGE_BYTES);
  await until(() => seq !== undefined, subject.within(1_000));
  const offsets: number[] = [];
  const channel = subject.channel?.channel;
  const next = await subject.cutAnd((one, frame) => {
    if (frame.type === "open" && frame.channel === channel && seq !== undefined) {
      one.opened(frame, { partial: { seq, durableOffset: at } });
      return true;
    }
    if (frame.type === "data" && one !== visit) offsets.push(frame.offset);
    return frame.type === "data";
  });
  await until(() => offsets.length > 0, subject.within(1_000));
  const isResumable = next.hello?.capabilities.includes("partial") === true;
  expectSame("DATA begins at", offsets[0] ?? null, isResumable ? at : 0);
  await subject.cutAnd(() => false);
  await subject.settle();
}

async function downstreamUnknown(subject: AgentSubject): Promise<void> {
  const visit = await subject.streaming();
  if (visit.hello?.capabilities.includes("downstream") !== true) return;
  visit.send({
    ...{ type: "open", stream: 2, channel: "conformance-nobody-configured-this", epoch: 1n },
    ...{ nextSeq: 1n, oldestRetainedSeq: null, previousEpoch: null, priority: 1 },
  });
  const opened = await visit.next("opened");
  expectSame("OPENED with status", opened.status, OPENED_STATUS.unknown);
  await subject.settle();
}

export const TRANSFER_SCENARIOS: readonly Scenario<AgentSubject>[] = [
  { rule: "TP8", title: "messages of 200 bytes to 3 MB arrive whole, once, in order", run: sizes },
  {
    rule: "TP19",
    title: "ACKs repeated and out of order mean no more than the newest",
    run: ackDisorder,
  },
  { rule: "TP18", title: "an ACK of what was never sent settles nothing", run: ackAhead },
  {
    rule: "TP20",
    title: "no DATA beyond the credit of a stream; stale CREDIT is ignored",
    run: credit,
  },
  { rule: "TP20", title: "no credit: no DATA, and the connection lives", run: noCredit },
  { rule: "TP25", title: "a large message goes on where OPENED says", run: partial },
  {
    rule: "TP34",
    title: "OPEN of a channel that is not configured: OPENED UNKNOWN",
    run: downstreamUnknown,
  },
];
