import { CHAIN_START } from "#protocol/chain.ts";
import { REJECT_CODE, SKIP_REASON } from "#protocol/frame.ts";
import { bodyOf, bytesOf, chained, chunksOf, sha256 } from "../messages.ts";
import { expectSame, type Scenario } from "../scenario.ts";
import { acked, rejected } from "./answers.ts";
import type { Ledger } from "./ledger.ts";
import { openFrame, type ReceiverSubject } from "./subject.ts";

const LARGE_BYTES = 3_000_000;

async function sizes(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("sizes");
  await using talk = await subject.stream(ledger);
  const bytes = [1, 0, 5, 32_767, 32_768, 32_769, 70_000, 300_000, LARGE_BYTES];
  for (const [index, count] of bytes.entries()) {
    await subject.store(talk, ledger, bodyOf(`size ${index}`, count));
  }
  // Many at once, so that one ACK may stand for many.
  const many = Array.from({ length: 50 }, (_, index) => bytesOf(`one of many ${index}`));
  for (const body of many) {
    await talk.sendWithin(...chunksOf({ seq: ledger.nextSeq, body }));
    ledger.store(body);
  }
  await acked(talk, ledger);
  await subject.verify(ledger);
}

async function interleaved(subject: ReceiverSubject): Promise<void> {
  const ledgers = [subject.newLedger("left"), subject.newLedger("right")];
  const { talk } = await subject.greet();
  await using _ = talk;
  const streams = ledgers.map((ledger, index) => ({ ledger, stream: index * 2 + 1 }));
  const chunks = [];
  for (const { ledger, stream } of streams) {
    await subject.open(talk, ledger, stream);
    const body = bodyOf(ledger.channel, 200_000);
    chunks.push(chunksOf({ stream, seq: 1n, body }));
    ledger.store(body);
  }
  const [left = [], right = []] = chunks;
  for (const [index, frame] of left.entries()) {
    const other = right[index];
    await talk.sendWithin(frame, ...(other === undefined ? [] : [other]));
  }
  const last = new Set<number>();
  while (last.size < streams.length) {
    const ack = await talk.next("ack");
    if (ack.lastSeq === 1n) last.add(ack.stream);
  }
  await subject.verify(...ledgers);
}

async function repeats(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("repeat");
  const bodies = ["one", "two", "three"].map(bytesOf);
  const first = await subject.stream(ledger);
  for (const body of bodies) await subject.store(first, ledger, body);
  // On the same connection, and on another that never heard an ACK.
  for (const isFirst of [true, false]) {
    const talk = isFirst ? first : await subject.stream(ledger);
    for (const [index, body] of bodies.entries()) {
      talk.send(...chunksOf({ seq: BigInt(index + 1), body }));
    }
    await subject.store(talk, ledger, bytesOf(`after repeats ${ledger.nextSeq}`));
    await talk.cut();
  }
  // A repeat and what is new, in one go, the repeat in other chunks.
  const talk = await subject.stream(ledger);
  talk.send(...chunksOf({ seq: 1n, body: bytesOf("one"), chunkBytes: 1 }));
  await subject.store(talk, ledger, bytesOf("new"));
  await talk.cut();
  await subject.verify(ledger);
}

async function skips(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("skip");
  await using talk = await subject.stream(ledger);
  await subject.store(talk, ledger, bytesOf("before the gaps"));
  for (const [kind, reason] of Object.entries(SKIP_REASON)) {
    const first = ledger.nextSeq;
    const last = first + BigInt(reason) - 1n;
    const chain = sha256(bytesOf(kind));
    const frame = {
      type: "skip",
      stream: 1,
      firstSeq: first,
      lastSeq: last,
      reason,
      chain,
    } as const;
    // A repeat is no second gap.
    talk.send(frame, frame);
    ledger.skip(last, kind, chain);
    await acked(talk, ledger);
    await subject.store(talk, ledger, bytesOf(`behind the gap ${kind}`));
  }
  // Over what is stored: nothing happens.
  talk.send({ type: "skip", stream: 1, firstSeq: 1n, lastSeq: 1n, reason: 2, chain: null });
  await acked(talk, ledger);
  const { nextSeq } = ledger;
  talk.send({
    ...{ type: "skip", stream: 1, firstSeq: nextSeq + 1n, lastSeq: nextSeq + 1n },
    ...{ reason: 2, chain: null },
  });
  await rejected(talk, ledger, nextSeq + 1n, REJECT_CODE.gap);
  await subject.verify(ledger);
}

async function replaces(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("replaces");
  await using talk = await subject.stream(ledger);
  const body = bytesOf("stored under an old identity");
  await subject.store(talk, ledger, body);
  ledger.begin(2n);
  talk.send(openFrame(ledger, { previousEpoch: { epoch: 1n, finalSeq: 1n } }));
  await talk.next("opened");
  const meta = { replaces: { epoch: 1n, seq: 1n } };
  talk.send(...chunksOf({ seq: 1n, body, meta }));
  ledger.store(body, false);
  await acked(talk, ledger);
  const other = bytesOf("claims to be it, and is not");
  talk.send(...chunksOf({ seq: 2n, body: other, meta }));
  ledger.store(other);
  await acked(talk, ledger);
  await subject.verify(ledger);
}

async function largeNumbers(subject: ReceiverSubject): Promise<void> {
  const ledgers: Ledger[] = [];
  for (const [epoch, from] of [
    [1n, 2n ** 31n - 2n],
    [2n ** 32n, 2n ** 32n - 2n],
    [2n ** 53n + 1n, 2n ** 53n - 2n],
    [2n ** 63n - 1n, 2n ** 63n - 4n],
  ] as const) {
    const ledger = subject.newLedger("numbers", epoch);
    await using talk = await subject.stream(ledger);
    const chain = chained(CHAIN_START, epoch, from, sha256(bytesOf("pruned")));
    talk.send({ type: "skip", stream: 1, firstSeq: 1n, lastSeq: from, reason: 4, chain });
    ledger.skip(from, "pruned", chain);
    await acked(talk, ledger);
    for (let count = 0; count < 3; count++) {
      await subject.store(talk, ledger, bytesOf(`number ${ledger.nextSeq}`));
    }
    expectSame("last seq", ledger.lastSeq, from + 3n);
    ledgers.push(ledger);
  }
  await subject.verify(...ledgers);
}

export const STORING_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  {
    rule: "TP24",
    title: "messages of 0 bytes to 3 MB are acknowledged, stored and chained",
    run: sizes,
  },
  { rule: "TP8", title: "chunks of two streams interleave", run: interleaved },
  {
    rule: "TP19",
    title: "a repeat under a known number is acknowledged and has no effect",
    run: repeats,
  },
  {
    rule: "RI6",
    title: "replaces: the same message is not handed on again, another is",
    run: replaces,
  },
  {
    rule: "TP31",
    title: "SKIP of each kind: gap record, chain, ACK; a repeat has no effect",
    run: skips,
  },
  { rule: "TP39", title: "seqs and epochs at 2^31, 2^32, 2^53 and 2^63 - 1", run: largeNumbers },
];
