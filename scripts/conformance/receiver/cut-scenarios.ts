/**
 * The connection is cut before and after every frame of a conversation (TP19): the next one finds
 * where it stood, goes on, and in the end everything is stored once.
 *
 * @module
 */
import { type Frame, GOAWAY_CODE, OPENED_STATUS } from "#protocol/frame.ts";
import type { Conversation } from "../conversation.ts";
import { bodyOf, bytesOf, chunksOf, sha256 } from "../messages.ts";
import { expect, type Scenario } from "../scenario.ts";
import { frameInWords } from "../words.ts";
import { acked } from "./answers.ts";
import type { Ledger } from "./ledger.ts";
import { helloFrame, openFrame, type ReceiverSubject } from "./subject.ts";

/** What a step sends, and what it waits for before the next. */
interface Step {
  readonly name: string;
  readonly frame: Frame;
  readonly answer: "welcome" | "opened" | "ack" | null;
}

/** HELLO, OPEN, a message, one in three chunks, a SKIP, a message: from where the ledger stands. */
function conversation(ledger: Ledger, round: string): readonly Step[] {
  const seq = ledger.nextSeq;
  const three = chunksOf({ seq: seq + 1n, body: threeChunks(round), chunkBytes: 30_000 });
  return [
    { name: "HELLO", frame: helloFrame({ capabilities: ["partial"] }), answer: "welcome" },
    { name: "OPEN", frame: openFrame(ledger), answer: "opened" },
    ...messageStep(seq, bytesOf(`${round} one`)),
    ...three.map(
      (frame, index): Step => ({
        name: `chunk ${index + 1} of 3`,
        frame,
        answer: frame.last ? "ack" : null,
      }),
    ),
    { name: "SKIP", frame: skipOf(seq + 2n, round), answer: "ack" },
    ...messageStep(seq + 3n, bytesOf(`${round} four`)),
    { name: "PING", frame: { type: "ping", stream: 0, nonce: 1 }, answer: null },
    {
      ...{ name: "GOAWAY", answer: null },
      frame: { type: "goaway", stream: 0, code: GOAWAY_CODE.draining },
    },
  ];
}

const threeChunks = (round: string): Uint8Array => bodyOf(`${round} two`, 75_000);
const skipChain = (round: string): Uint8Array => sha256(bytesOf(`${round} chain`));

function messageStep(seq: bigint, body: Uint8Array): readonly Step[] {
  return chunksOf({ seq, body }).map((frame) => ({ name: "DATA", frame, answer: "ack" }));
}

function skipOf(seq: bigint, round: string): Frame {
  const chain = skipChain(round);
  return { type: "skip", stream: 1, firstSeq: seq, lastSeq: seq, reason: 2, chain };
}

/** @param waits whether every answer is awaited before the next frame, also the last before the cut */
function cutEverywhere(waits: boolean): Scenario<ReceiverSubject>["run"] {
  return async (subject) => {
    const ledger = subject.newLedger(waits ? "cut-after" : "cut-before");
    const count = conversation(ledger, "count").length;
    for (let sent = 0; sent <= count; sent++) {
      const round = `round ${sent}`;
      const steps = conversation(ledger, round).slice(0, sent);
      await using talk = await subject.dial();
      for (const [index, { frame, answer }] of steps.entries()) {
        talk.send(frame);
        // Before the answer: only that of the last frame is not awaited.
        if (answer !== null && (waits || index < steps.length - 1)) await talk.next(answer);
      }
      await flushed(talk);
      await talk.cut();
      await goOn(subject, ledger, round);
    }
    await subject.verify(ledger);
  };
}

/** What was sent has left this process: a cut must not take it back. */
async function flushed({ socket }: Conversation): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (socket.readyState !== socket.OPEN) return;
  socket.ping("", true, () => resolve());
  await promise;
}

/** Opens again, and sends what is missing, as OPENED says. */
async function goOn(subject: ReceiverSubject, ledger: Ledger, round: string): Promise<void> {
  const { talk } = await subject.greet({ capabilities: ["partial"] });
  await using _ = talk;
  talk.send(openFrame(ledger));
  const opened = await talk.next("opened");
  const first = ledger.lastSeq;
  const isPossible =
    opened.status === OPENED_STATUS.ok && opened.lastSeq >= first && opened.lastSeq <= first + 4n;
  expect(isPossible, `OPENED OK, last seq ${first} to ${first + 4n}`, frameInWords(opened), "TP14");
  const parts = [bytesOf(`${round} one`), threeChunks(round), null, bytesOf(`${round} four`)];
  for (const body of parts) {
    const seq = ledger.nextSeq;
    const isThere = seq <= opened.lastSeq;
    if (body === null) {
      if (!isThere) talk.send(skipOf(seq, round));
      ledger.skip(seq, "discarded", skipChain(round));
    } else {
      if (!isThere) await talk.sendWithin(...chunksOf({ seq, body }));
      ledger.store(body);
    }
    if (seq === opened.lastSeq) sameChain(opened.chain, ledger);
    if (!isThere) await acked(talk, ledger);
  }
}

function sameChain(chain: Uint8Array | null, ledger: Ledger): void {
  const isSame = chain !== null && Buffer.compare(chain, ledger.chain ?? new Uint8Array()) === 0;
  expect(isSame, `the chain of what was sent up to ${ledger.lastSeq}`, "another", "TP15");
}

export const CUT_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  { rule: "TP19", title: "cut after every frame, before its answer", run: cutEverywhere(false) },
  { rule: "TP19", title: "cut after every frame and its answer", run: cutEverywhere(true) },
];
