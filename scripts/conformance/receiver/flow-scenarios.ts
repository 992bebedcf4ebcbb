/** Credit, the ack clock, and large messages that go on where they were: TP14, TP20, TP21, TP25. @module */
import { encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, type Frame, REJECT_CODE } from "#protocol/frame.ts";
import { FRAME_HEADER_BYTES, PARTIAL_BYTES } from "#protocol/limits.ts";
import type { Conversation } from "../conversation.ts";
import { bodyOf, bytesOf, chunksOf } from "../messages.ts";
import { expect, expectSame, type Scenario } from "../scenario.ts";
import { frameInWords } from "../words.ts";
import { acked, answerTo } from "./answers.ts";
import { openFrame, type ReceiverSubject } from "./subject.ts";

const LARGE_BYTES = 4 * PARTIAL_BYTES;

const wireBytes = (frames: readonly Frame[]): number =>
  frames.reduce((sum, frame) => sum + encodeFrame(frame).length - FRAME_HEADER_BYTES, 0);

async function credit(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("credit");
  const { talk, welcome } = await subject.greet();
  await using _ = talk;
  const opened = await subject.open(talk, ledger);
  const { frameLimit, upstreamCredit } = welcome;
  let sent = 0;
  let stream = opened.credit.streamLimit ?? 0;
  let connection = opened.credit.connectionLimit ?? upstreamCredit;
  expect(stream >= frameLimit, `a stream limit of ${frameLimit} or more`, `${stream}`);
  for (const bytes of [10, 200_000, 1_500_000]) {
    const body = bodyOf(`credit ${bytes}`, bytes);
    const from = talk.history.length;
    for (const frame of chunksOf({ seq: ledger.nextSeq, body })) {
      talk.send(frame);
      sent += wireBytes([frame]);
      // A sink that accepts messages always allows one full frame more, also inside of one.
      const reported = await report(talk, sent);
      stream = Math.max(stream, reported.stream);
      connection = Math.max(connection, reported.connection);
      const room = Math.min(stream, connection) - sent;
      expect(room >= frameLimit, `room for ${frameLimit} bytes behind ${sent}`, `${room}`);
    }
    ledger.store(body);
    await talk.until(() => talk.history.slice(from).some(({ type }) => type === "ack"));
  }
  await subject.verify(ledger);
}

/** Waits until all `sent` bytes are reported as received. @returns the largest limits so far */
async function report(
  talk: Conversation,
  sent: number,
): Promise<{ readonly stream: number; readonly connection: number }> {
  const credits = () =>
    talk.history.flatMap((frame) =>
      frame.type === "credit" || frame.type === "ack" ? [frame.credit] : [],
    );
  const received = (): number =>
    credits().reduce((most, { bytesReceived = 0 }) => Math.max(most, bytesReceived), 0);
  await talk.until(() => received() >= sent);
  expectSame("bytes received", received(), sent, "TP21");
  const most = (of: "streamLimit" | "connectionLimit"): number =>
    credits().reduce((limit, one) => Math.max(limit, one[of] ?? 0), 0);
  return { stream: most("streamLimit"), connection: most("connectionLimit") };
}

async function partialProgress(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("partial");
  const body = bodyOf("goes on where it was", LARGE_BYTES);
  const hello = { capabilities: ["partial"] };
  let from = 0;
  {
    const { talk, welcome } = await subject.greet(hello);
    await using _ = talk;
    if (!welcome.capabilities.includes("partial")) return;
    await subject.open(talk, ledger);
    const chunks = chunksOf({ seq: 1n, body });
    await talk.sendWithin(...chunks.slice(0, (chunks.length * 3) / 4));
    const partial = await talk.next("partial");
    expectSame("PARTIAL of seq", partial.seq, 1n);
    expect(partial.durableOffset > 0, "a durable offset above 0", "0");
    from = partial.durableOffset;
  }
  {
    const { talk } = await subject.greet(hello);
    await using _ = talk;
    const { partial } = await subject.open(talk, ledger);
    const at = partial?.durableOffset ?? 0;
    expectSame("OPENED with a partial of seq", partial?.seq, 1n, "TP14");
    expect(at >= from && at <= body.length, `a partial of ${from} bytes or more`, `${at}`, "TP14");
    await talk.sendWithin(...chunksOf({ seq: 1n, body, from: at }));
    ledger.store(body);
    await acked(talk, ledger);
  }
  await subject.verify(ledger);
}

async function partialAtWrongOffset(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("wrong-offset");
  const body = bodyOf("goes on elsewhere", LARGE_BYTES);
  await using talk = await subject.stream(ledger, { capabilities: ["partial"] });
  talk.send(...chunksOf({ seq: 1n, body, from: PARTIAL_BYTES }));
  const answer = await answerTo(talk, 0n);
  const isRefused =
    (answer.type === "error" && answer.code === ERROR_CODE.outOfOrder) ||
    (answer.type === "reject" && answer.code === REJECT_CODE.restart);
  expect(isRefused, "ERROR OUT_OF_ORDER or REJECT RESTART", frameInWords(answer));
  await subject.verify(ledger);
}

/** Another message under the number of one that had begun: the bytes of the first are not part of it. */
async function partialOfAnother(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("another-partial");
  const hello = { capabilities: ["partial"] };
  {
    await using talk = await subject.stream(ledger, hello);
    const chunks = chunksOf({ seq: 1n, body: bodyOf("begun and given up", LARGE_BYTES) });
    await talk.sendWithin(...chunks.slice(0, chunks.length / 2));
    await talk.until(() => talk.history.some(({ type }) => type === "partial"));
  }
  await using talk = await subject.stream(ledger, hello);
  await subject.store(talk, ledger, bodyOf("another one", LARGE_BYTES));
  await subject.verify(ledger);
}

async function withoutPartial(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("no-partial");
  const body = bodyOf("begins again", LARGE_BYTES);
  {
    await using talk = await subject.stream(ledger);
    const chunks = chunksOf({ seq: 1n, body });
    await talk.sendWithin(...chunks.slice(0, chunks.length / 2));
    await report(talk, wireBytes(chunks.slice(0, chunks.length / 2)));
    const isSaid = talk.history.some(({ type }) => type === "partial");
    expect(!isSaid, "no PARTIAL without the capability", talk.inWords());
  }
  await using talk = await subject.stream(ledger);
  talk.send(openFrame(ledger));
  const opened = await talk.next("opened");
  const isSaid = opened.partial !== undefined;
  expect(!isSaid, "no partial in OPENED without the capability", frameInWords(opened));
  await subject.store(talk, ledger, body);
  await subject.store(talk, ledger, bytesOf("and the next"));
  await subject.verify(ledger);
}

export const FLOW_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  {
    rule: "TP20",
    title: "credit for a full frame at any moment, and every byte reported",
    run: credit,
  },
  {
    rule: "TP25",
    title: "a large message goes on where PARTIAL and OPENED say",
    run: partialProgress,
  },
  {
    rule: "TP25",
    title: "another message instead of the one begun is stored whole",
    run: partialOfAnother,
  },
  {
    rule: "TP12",
    title: "without the capability partial a large message begins again",
    run: withoutPartial,
  },
  {
    rule: "TP14",
    title: "a message that begins at an offset nobody named is refused",
    run: partialAtWrongOffset,
  },
];
