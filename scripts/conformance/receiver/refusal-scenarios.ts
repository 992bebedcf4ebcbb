/** What is refused, and that nothing of it is stored: 06 sections 3, 5, 8 and 12. @module */
import { gzipSync } from "node:zlib";
import { ERROR_CODE, REJECT_CODE } from "#protocol/frame.ts";
import { bodyOf, bytesOf, chunksOf, sha256 } from "../messages.ts";
import { expect, type Scenario } from "../scenario.ts";
import { frameInWords } from "../words.ts";
import { acked, answerTo, refused, rejected } from "./answers.ts";
import type { Ledger } from "./ledger.ts";
import { openFrame, type ReceiverSubject } from "./subject.ts";

const LARGE_BYTES = 3_000_000;

async function wrongHash(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("hash");
  await using talk = await subject.stream(ledger);
  await subject.store(talk, ledger, bytesOf("before"));
  for (const bytes of [20, 100_000, LARGE_BYTES]) {
    const [altered, body] = [bodyOf("altered", bytes), bodyOf(`told ${bytes}`, bytes)];
    const seq = ledger.nextSeq;
    await talk.sendWithin(...chunksOf({ seq, body: altered, meta: { sha256: sha256(body) } }));
    // Nothing behind it may pass (TP29).
    talk.send(...chunksOf({ seq: seq + 1n, body: bytesOf("behind") }));
    await rejected(talk, ledger, seq, REJECT_CODE.hash);
    await subject.store(talk, ledger, body);
    await subject.store(talk, ledger, bytesOf("behind"));
  }
  await subject.verify(ledger);
}

async function wrongLength(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("length");
  await using talk = await subject.stream(ledger);
  const body = bytesOf("of another length than it says");
  talk.send(...chunksOf({ seq: 1n, body, meta: { length: body.length + 1 } }));
  const frame = await answerTo(talk, ledger.lastSeq);
  expect(frame.type !== "ack", "REJECT or ERROR", frameInWords(frame));
  await subject.verify(ledger);
}

async function gap(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("gap");
  await using talk = await subject.stream(ledger);
  talk.send(...chunksOf({ seq: 2n, body: bytesOf("too early") }));
  await rejected(talk, ledger, 2n, REJECT_CODE.gap);
  // The source opens again (06 section 8).
  await subject.open(talk, ledger);
  await subject.store(talk, ledger, bytesOf("one"));
  await subject.verify(ledger);
}

async function conflict(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("conflict");
  const talk = await subject.stream(ledger);
  await using _ = talk;
  await subject.store(talk, ledger, bytesOf("the first content"));
  talk.send(...chunksOf({ seq: 1n, body: bytesOf("another content") }));
  await rejected(talk, ledger, 1n, REJECT_CODE.conflict);
  await subject.verify(ledger);
}

async function tooLarge(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("too-large");
  const { talk, welcome } = await subject.greet();
  await using _ = talk;
  await subject.open(talk, ledger);
  const [frame] = chunksOf({ seq: 1n, body: bodyOf("too large", 100_000) });
  // Above 512 MiB no encoder writes it; the vectors of data.json have that.
  const total = Math.min(welcome.messageLimit + 1, 536_870_912);
  if (frame !== undefined) talk.send({ ...frame, total, last: false });
  if (total > welcome.messageLimit) {
    const answer = await answerTo(talk, ledger.lastSeq);
    const isRefused =
      (answer.type === "error" && answer.code === ERROR_CODE.limit) ||
      (answer.type === "reject" && answer.code === REJECT_CODE.tooLarge && answer.permanent);
    expect(isRefused, "ERROR LIMIT or a permanent REJECT TOO_LARGE", frameInWords(answer));
  }
  await subject.verify(ledger);
}

async function packed(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("gzip");
  await using talk = await subject.stream(ledger);
  const body = bodyOf("packed", 5_000);
  const meta = { sha256: sha256(body), encoding: 1, length: body.length } as const;
  talk.send(...chunksOf({ seq: 1n, body: new Uint8Array(gzipSync(body)), meta }));
  const answer = await answerTo(talk, ledger.lastSeq);
  if (answer.type === "ack") ledger.store(body);
  else {
    const isRefused = answer.type === "reject" && answer.code === REJECT_CODE.refused;
    expect(isRefused, "ACK, or REJECT REFUSED", frameInWords(answer));
  }
  // Not negotiated, so nobody may take it.
  await using other = await subject.stream(ledger);
  other.send(
    ...chunksOf({ seq: ledger.nextSeq, body: bytesOf("zstd"), meta: { encoding: 2, length: 9 } }),
  );
  const refusal = await answerTo(other, ledger.lastSeq);
  expect(refusal.type !== "ack", "REJECT or ERROR of zstd, not negotiated", frameInWords(refusal));
  await subject.verify(ledger);
}

async function intoGap(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("into-gap");
  await using talk = await subject.stream(ledger);
  const chain = sha256(bytesOf("a chain"));
  talk.send({ type: "skip", stream: 1, firstSeq: 1n, lastSeq: 2n, reason: 1, chain });
  ledger.skip(2n, "quarantined", chain);
  await acked(talk, ledger);
  talk.send(...chunksOf({ seq: 1n, body: bytesOf("never stored under this number") }));
  const answer = await answerTo(talk, ledger.lastSeq);
  expect(answer.type === "reject", "REJECT of what was never stored", frameInWords(answer));
  await subject.verify(ledger);
}

async function noOpen(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("no-open");
  const frames = [
    ...chunksOf({ seq: 1n, body: bytesOf("without OPEN") }),
    { type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 2, chain: null } as const,
  ];
  for (const frame of frames) {
    const name = `OUT_OF_ORDER for ${frame.type.toUpperCase()} on a stream without OPEN`;
    const { talk } = await subject.greet();
    await using _ = talk;
    talk.send(frame);
    await refused(talk, name, ERROR_CODE.outOfOrder);
    // Another stream is open, this one is not.
    await using open = await subject.stream(ledger);
    open.send({ ...frame, stream: 3 });
    await refused(open, name, ERROR_CODE.outOfOrder);
  }
  await subject.verify(ledger);
}

async function evenStream(subject: ReceiverSubject): Promise<void> {
  const ledger: Ledger = subject.newLedger("even");
  const { talk } = await subject.greet();
  await using _ = talk;
  talk.send(openFrame(ledger, { stream: 2 }));
  await refused(talk, "OUT_OF_ORDER for OPEN of an even stream", ERROR_CODE.outOfOrder);
  await subject.verify(ledger);
}

export const REFUSAL_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  { rule: "TP6", title: "OPEN of an even stream: ERROR", run: evenStream },
  {
    rule: "TP14",
    title: "DATA and SKIP on a stream without OPEN: ERROR OUT_OF_ORDER",
    run: noOpen,
  },
  {
    rule: "RI1",
    title: "a wrong hash: REJECT HASH, nothing behind it passes, the right one does",
    run: wrongHash,
  },
  { rule: "RI1", title: "a wrong length is not acknowledged", run: wrongLength },
  { rule: "RI4", title: "a hole: REJECT GAP", run: gap },
  { rule: "RI5", title: "another content under a known number: REJECT CONFLICT", run: conflict },
  {
    rule: "RI5",
    title: "a message under a number that a SKIP closed is not acknowledged",
    run: intoGap,
  },
  {
    rule: "TP9",
    title: "gzip is unpacked or refused, zstd refused unless negotiated",
    run: packed,
  },
  { rule: "TP29", title: "a message above the limit of WELCOME is refused", run: tooLarge },
];
