/** Epochs: TP16, TP17 and RI3. @module */
import { ERROR_CODE, OPENED_STATUS, REJECT_CODE } from "#protocol/frame.ts";
import { bytesOf, chunksOf } from "../messages.ts";
import { expect, expectSame, type Scenario } from "../scenario.ts";
import { frameInWords } from "../words.ts";
import { answerTo, expectOpened, refused } from "./answers.ts";
import type { Ledger } from "./ledger.ts";
import { openFrame, type ReceiverSubject } from "./subject.ts";

/** A channel with two messages in epoch 1. */
async function twoMessages(subject: ReceiverSubject, what: string): Promise<Ledger> {
  const ledger = subject.newLedger(what);
  await using talk = await subject.stream(ledger);
  await subject.store(talk, ledger, bytesOf(`${what} one`));
  await subject.store(talk, ledger, bytesOf(`${what} two`));
  return ledger;
}

/** Epoch 2 begins, whose OPEN says that epoch 1 ended at `finalSeq`. */
function newEpoch(finalSeq: bigint | null, hasGap: boolean): Scenario<ReceiverSubject>["run"] {
  return async (subject) => {
    const ledger = await twoMessages(subject, "epoch");
    const { talk } = await subject.greet();
    await using _ = talk;
    ledger.begin(2n, ...(hasGap ? [{ kind: "rolledBack", finalSeq }] : []));
    const open = openFrame(ledger, { previousEpoch: { epoch: 1n, finalSeq }, newEpochReason: 1 });
    talk.send(open);
    expectOpened(await talk.next("opened"), ledger);
    await subject.store(talk, ledger, bytesOf("the first of epoch 2"));
    // OPEN again, with the same words: no second gap (TP19).
    await using again = await subject.stream(ledger);
    again.send({ ...open, nextSeq: ledger.nextSeq });
    expectOpened(await again.next("opened"), ledger);
    await subject.verify(ledger);
  };
}

async function behind(subject: ReceiverSubject): Promise<void> {
  const ledger = await twoMessages(subject, "behind");
  const { talk } = await subject.greet();
  await using _ = talk;
  ledger.begin(3n);
  talk.send(openFrame(ledger, { previousEpoch: { epoch: 1n, finalSeq: 2n } }));
  expectOpened(await talk.next("opened"), ledger);
  talk.send(openFrame(ledger, { stream: 3, epoch: 1n, nextSeq: 3n }));
  const opened = await talk.next("opened");
  expect(opened.status === OPENED_STATUS.behind, "OPENED BEHIND", frameInWords(opened));
  expectSame("OPENED with epoch", opened.epoch, 3n);
  talk.send(...chunksOf({ stream: 3, seq: 3n, body: bytesOf("too late") }));
  const name = "OUT_OF_ORDER for DATA after OPENED BEHIND";
  await refused(talk, name, ERROR_CODE.outOfOrder);
  await subject.verify(ledger);
}

async function ahead(subject: ReceiverSubject): Promise<void> {
  const ledger = await twoMessages(subject, "ahead");
  const { talk } = await subject.greet();
  await using _ = talk;
  const previousEpoch = { epoch: 3n, finalSeq: 7n };
  talk.send(openFrame(ledger, { epoch: 5n, nextSeq: 1n, previousEpoch }));
  const opened = await talk.next("opened");
  expect(opened.status === OPENED_STATUS.ahead, "OPENED AHEAD", frameInWords(opened));
  expectSame("OPENED with epoch", opened.epoch, 1n);
  expectSame("OPENED with last seq", opened.lastSeq, 2n);
  talk.send(...chunksOf({ seq: 1n, body: bytesOf("too early") }));
  const name = "OUT_OF_ORDER for DATA after OPENED AHEAD";
  await refused(talk, name, ERROR_CODE.outOfOrder);
  await subject.verify(ledger);
}

/** The source knows a past of which nothing is here. */
function unknownPast(finalSeq: bigint | null): Scenario<ReceiverSubject>["run"] {
  return async (subject) => {
    const ledger = subject.newLedger("replaced", 4n);
    const { talk } = await subject.greet();
    await using _ = talk;
    ledger.gaps.push({ epoch: 2n, kind: "storeReplaced", first: 1n, last: finalSeq });
    talk.send(openFrame(ledger, { nextSeq: 5n, previousEpoch: { epoch: 2n, finalSeq } }));
    expectOpened(await talk.next("opened"), ledger);
    await subject.store(talk, ledger, bytesOf("from seq 1 again"));
    await subject.verify(ledger);
  };
}

async function backwards(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("backwards", 2n);
  const { talk } = await subject.greet();
  await using _ = talk;
  talk.send(openFrame(ledger, { previousEpoch: { epoch: 2n, finalSeq: 1n } }));
  const answer = await talk.nextOf(["opened", "error"]);
  const isOk = answer.type === "opened" && answer.status === OPENED_STATUS.ok;
  expect(!isOk, "no OPENED OK for an epoch that is its own previous one", frameInWords(answer));
}

/** Another stream of the same connection begins epoch 2, and epoch 1 goes on: TP39's ingest results. */
async function staleEpoch(subject: ReceiverSubject): Promise<void> {
  const ledger = await twoMessages(subject, "stale");
  await using talk = await subject.stream(ledger);
  ledger.begin(2n);
  talk.send(openFrame(ledger, { stream: 3, previousEpoch: { epoch: 1n, finalSeq: 2n } }));
  expectOpened(await talk.next("opened"), ledger);
  // Every item is known with its hash: a late repeat is one.
  talk.send(...chunksOf({ seq: 2n, body: bytesOf("stale two") }));
  const ack = await talk.nextOf(["ack", "reject", "error"]);
  const isFinal = ack.type === "ack" && ack.epoch === 1n && ack.lastSeq === 2n;
  expect(isFinal, "ACK of epoch 1, seq 2", frameInWords(ack));
  talk.send(...chunksOf({ seq: 3n, body: bytesOf("stale three") }));
  const answer = await answerTo(talk, 2n);
  const isStale = answer.type === "reject" && answer.code === REJECT_CODE.staleEpoch;
  expect(isStale && !answer.permanent, "REJECT STALE_EPOCH, not permanent", frameInWords(answer));
  await subject.store(talk, ledger, bytesOf("epoch 2 goes on"), 3);
  await subject.verify(ledger);
}

export const EPOCH_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  {
    rule: "TP17",
    title: "a second epoch, all of the first is here: no gap",
    run: newEpoch(2n, false),
  },
  {
    rule: "TP17",
    title: "a second epoch, the first ended later: a gap record rolledBack",
    run: newEpoch(5n, true),
  },
  {
    rule: "TP17",
    title: "a second epoch, the first ended earlier: no gap",
    run: newEpoch(1n, false),
  },
  {
    rule: "TP17",
    title: "a second epoch, nobody knows where the first ended: a gap without end",
    run: newEpoch(null, true),
  },
  {
    rule: "TP17",
    title: "a past of which nothing is here: a gap record storeReplaced",
    run: unknownPast(9n),
  },
  {
    rule: "TP17",
    title: "a past of unknown length: a gap record storeReplaced without end",
    run: unknownPast(null),
  },
  { rule: "TP17", title: "an epoch that is its own previous one is not begun", run: backwards },
  { rule: "TP16", title: "an old epoch: OPENED BEHIND, and no DATA after it", run: behind },
  {
    rule: "TP16",
    title: "an epoch is missing here: OPENED AHEAD, and no DATA after it",
    run: ahead,
  },
  {
    rule: "RI3",
    title: "DATA of a closed epoch: a repeat is acknowledged, else REJECT STALE_EPOCH",
    run: staleEpoch,
  },
];
