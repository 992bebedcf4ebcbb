/**
 * The fence (RI2, T-C03): a node that was away while the agent came back, and then goes on, writes
 * nothing. From outside it is a second session of the same agent; the first one then sends. With
 * `--other URL` the second session is on another node, so that the store alone can know.
 *
 * @module
 */
import { GOAWAY_CODE } from "#protocol/frame.ts";
import type { Conversation } from "../conversation.ts";
import { bytesOf, chunksOf } from "../messages.ts";
import { expect, type Scenario } from "../scenario.ts";
import type { Ledger } from "./ledger.ts";
import { openFrame, type ReceiverSubject } from "./subject.ts";

/** Rounds in which the old session sends while the new one begins. */
const RACES = 20;

/** @param known what it had been told already: that may be said again */
async function fenced(talk: Conversation, from: number, known: bigint): Promise<void> {
  const { goaway } = await talk.ended();
  const isFenced = goaway?.code === GOAWAY_CODE.fenced;
  expect(isFenced, "GOAWAY FENCED and the end", talk.inWords(from));
  const isTold = talk.history
    .slice(from)
    .some((one) => one.type === "opened" || (one.type === "ack" && one.lastSeq > known));
  expect(!isTold, "neither ACK nor OPENED to a fenced session", talk.inWords(from));
}

const elsewhere = (subject: ReceiverSubject): { readonly url?: string } => {
  const { otherUrl } = subject.options;
  return otherUrl === undefined ? {} : { url: otherUrl };
};

/** What the first session does once the second is there. */
function goesOn(
  act: (talk: Conversation, ledger: Ledger) => void,
): Scenario<ReceiverSubject>["run"] {
  return async (subject) => {
    const ledger = subject.newLedger("fence");
    await using older = await subject.stream(ledger);
    await subject.store(older, ledger, bytesOf("before the fence"));
    const from = older.history.length;
    const younger = await subject.greet({}, elsewhere(subject));
    await using _ = younger.talk;
    act(older, ledger);
    await fenced(older, from, ledger.lastSeq);
    await subject.open(younger.talk, ledger);
    await subject.store(younger.talk, ledger, bytesOf("behind the fence"));
    await subject.verify(ledger);
  };
}

/** Half of a message before the fence, the other half behind it. */
async function halfMessage(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("half");
  await using older = await subject.stream(ledger);
  const [first, second] = chunksOf({
    seq: 1n,
    body: bytesOf("one half, other half"),
    chunkBytes: 10,
  });
  if (first !== undefined) older.send(first);
  const from = older.history.length;
  const younger = await subject.greet({}, elsewhere(subject));
  await using _ = younger.talk;
  if (second !== undefined) older.send(second);
  await fenced(older, from, 0n);
  await subject.open(younger.talk, ledger);
  await subject.verify(ledger);
}

/**
 * Both at once, so that neither order is sure. Whatever the order was: what the old session was told
 * is stored, the new session's OPENED shows, and nothing is added after that.
 */
async function race(subject: ReceiverSubject): Promise<void> {
  const ledger = subject.newLedger("race");
  for (let round = 0; round < RACES; round++) {
    await using older = await subject.stream(ledger);
    const body = bytesOf(`race ${round}`);
    const { talk } = await greetWhile(subject, () => {
      older.send(...chunksOf({ seq: ledger.nextSeq, body }));
    });
    await using younger = talk;
    younger.send(openFrame(ledger));
    const opened = await younger.next("opened");
    const wasFirst = opened.lastSeq === ledger.nextSeq;
    if (wasFirst) ledger.store(body);
    await older.ended();
    const acks = older.history.filter((one) => one.type === "ack");
    const isToldMore = acks.some(({ lastSeq }) => lastSeq > opened.lastSeq);
    const there = `no ACK above ${opened.lastSeq}, where the next session began`;
    expect(!isToldMore, there, older.inWords());
    await subject.store(younger, ledger, bytesOf(`after race ${round}`));
  }
  await subject.verify(ledger);
}

async function greetWhile(
  subject: ReceiverSubject,
  act: () => void,
): Promise<{ readonly talk: Conversation }> {
  const greeted = subject.greet({}, elsewhere(subject));
  // Somewhere between the first packet of the handshake and WELCOME.
  const timer = setTimeout(act, Math.random() * 15);
  const result = await greeted;
  clearTimeout(timer);
  act();
  return result;
}

export const FENCE_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  {
    rule: "RI2",
    title: "DATA of a fenced session: GOAWAY FENCED, nothing written",
    run: goesOn((talk, ledger) => {
      talk.send(...chunksOf({ seq: ledger.nextSeq, body: bytesOf("from the other side") }));
    }),
  },
  {
    rule: "RI2",
    title: "SKIP of a fenced session: GOAWAY FENCED, nothing written",
    run: goesOn((talk, { nextSeq: firstSeq }) => {
      talk.send({ type: "skip", stream: 1, firstSeq, lastSeq: firstSeq, reason: 2, chain: null });
    }),
  },
  {
    rule: "RI2",
    title: "OPEN of a new epoch by a fenced session: GOAWAY FENCED, nothing written",
    run: goesOn((talk, ledger) => {
      const previousEpoch = { epoch: 1n, finalSeq: 9n };
      talk.send(openFrame(ledger, { epoch: 2n, nextSeq: 1n, previousEpoch }));
    }),
  },
  { rule: "RI2", title: "half a message on each side of the fence is none", run: halfMessage },
  {
    rule: "RI2",
    title: "DATA while the next session begins: stored and told, or neither",
    run: race,
  },
];
