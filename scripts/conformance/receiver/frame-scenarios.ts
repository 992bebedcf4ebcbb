/** The vectors of TP39 as conversations: what is a frame, and which chunk may follow which. @module */
import { decodeFrame, encodeFrame } from "#protocol/codec.ts";
import { ERROR_CODE, type Frame } from "#protocol/frame.ts";
import { bytesFrom, type ErrorName, type FrameVector, vectorsIn } from "#test/protocol/vectors.ts";
import type { Conversation } from "../conversation.ts";
import { sha256 } from "../messages.ts";
import { expect, type Scenario } from "../scenario.ts";
import { nameOf } from "../words.ts";
import { acked, refused } from "./answers.ts";
import type { Ledger } from "./ledger.ts";
import type { ReceiverSubject } from "./subject.ts";

interface ChunkVector {
  readonly name: string;
  readonly frames: readonly string[];
  readonly messages?: readonly { readonly seq: bigint; readonly body: Uint8Array }[];
  readonly error?: ErrorName;
}

const FRAME_FILES = [
  "headers.json",
  "cbor.json",
  "data.json",
  "frames.json",
  "sequence-numbers.json",
];
const NONCE = 4_711;

/** Every vector that is no frame, each in a connection of its own, where a channel is open. */
function refusedFrames(file: string): Scenario<ReceiverSubject>["run"] {
  return async (subject) => {
    const ledger = subject.newLedger("refused");
    for (const vector of vectorsIn<FrameVector>(file)) {
      if (!("error" in vector)) continue;
      await using talk = await subject.stream(ledger);
      talk.sendRaw(bytesFrom(vector.hex));
      const code = ERROR_CODE[vector.error];
      await refused(talk, `${nameOf(ERROR_CODE, code)} for "${vector.name}"`, code);
    }
    await subject.verify(ledger);
  };
}

/**
 * Every vector that is a frame, where no channel is open, so that none can have an effect. Whether it
 * may come here is another question; it must be read. OPEN is left out: it would make channels.
 */
function readFrames(file: string): Scenario<ReceiverSubject>["run"] {
  return async (subject) => {
    for (const vector of vectorsIn<FrameVector>(file)) {
      if ("error" in vector || ("frame" in vector && vector.frame.type === "open")) continue;
      const { talk } = await subject.greet();
      await using _ = talk;
      talk.sendRaw(bytesFrom(vector.hex));
      if (!("frame" in vector) || vector.frame.type === "ping") await ponged(talk, vector.name);
      else await isRead(talk, vector.frame, vector.name);
    }
  };
}

async function ponged(talk: Conversation, name: string): Promise<void> {
  talk.send({ type: "ping", stream: 0, nonce: NONCE });
  for (let nonce = -1; nonce !== NONCE; ) {
    const answer = await talk.nextOf(["pong", "error"]);
    expect(answer.type === "pong", `"${name}" is read and the connection goes on`, talk.inWords());
    if (answer.type === "pong") nonce = answer.nonce;
  }
}

async function isRead(talk: Conversation, frame: Frame, name: string): Promise<void> {
  talk.send({ type: "ping", stream: 0, nonce: NONCE });
  const isOver = await talk.until(() =>
    talk.history.some(({ type }) => type === "pong" || type === "error"),
  );
  expect(isOver || talk.isClosed, `an answer or the end after "${name}"`, talk.inWords());
  const error = talk.history.find((one) => one.type === "error");
  const isUnread = error?.code === ERROR_CODE.malformed || error?.code === ERROR_CODE.unknownFrame;
  expect(!isUnread, `"${name}" is read as ${frame.type.toUpperCase()}`, talk.inWords());
}

/** Chunks that follow each other, or do not (TP8). */
async function chunks(subject: ReceiverSubject): Promise<void> {
  const ledgers: Ledger[] = [];
  for (const vector of vectorsIn<ChunkVector>("chunks.json")) {
    // Above a limit that the vector sets; that of the receiver is the matter of another scenario.
    if (vector.error === "limit") continue;
    const ledger = subject.newLedger("chunks");
    await using talk = await subject.stream(ledger);
    for (const hex of vector.frames) talk.sendRaw(withOwnHash(bytesFrom(hex), vector));
    if (vector.error === undefined) {
      for (const { body } of vector.messages ?? []) ledger.store(body);
      await acked(talk, ledger);
    } else {
      const code = ERROR_CODE[vector.error];
      await refused(talk, `${nameOf(ERROR_CODE, code)} for "${vector.name}"`, code);
    }
    ledgers.push(ledger);
  }
  await subject.verify(...ledgers);
}

/** The vectors carry the hash of "hello" whatever the body, because only the order is their matter. */
function withOwnHash(bytes: Uint8Array, { messages = [] }: ChunkVector): Uint8Array {
  const frame = decodeFrame(bytes);
  if (frame?.type !== "data" || frame.meta === undefined) return bytes;
  const message = messages.find(({ seq }) => seq === frame.seq);
  if (message === undefined) return bytes;
  return encodeFrame({ ...frame, meta: { ...frame.meta, sha256: sha256(message.body) } });
}

function ruleOf(file: string): string {
  if (file === "headers.json") return "TP6";
  return file === "data.json" ? "TP8" : "TP7";
}

const HAVE_REFUSED = new Set(["headers.json", "cbor.json", "data.json"]);

export const FRAME_SCENARIOS: readonly Scenario<ReceiverSubject>[] = [
  ...FRAME_FILES.filter((file) => HAVE_REFUSED.has(file)).map((file) => ({
    rule: ruleOf(file),
    title: `what is no frame in ${file}: ERROR and the end, nothing changes`,
    run: refusedFrames(file),
  })),
  ...FRAME_FILES.map((file) => ({
    rule: ruleOf(file),
    title: `what is a frame in ${file} is read`,
    run: readFrames(file),
  })),
  { rule: "TP8", title: "chunks in order and out of order (vectors of chunks.json)", run: chunks },
];
