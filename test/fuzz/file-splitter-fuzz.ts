/**
 * The splitter of files against any bytes: however a file is cut, its messages are the same; they and what is
 * ignored are the file; nothing is ignored but blanks, framing and a mark; and no header at a line start is
 * inside a part.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { examineFile, fileForm } from "#agent/ingest/examine-file.ts";
import {
  type Boundary,
  BoundaryScan,
  filePartsOf,
  type Part,
} from "#agent/ingest/hl7/message-splitter.ts";
import { LargeBody } from "#agent/ingest/large-body.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { FILE_CHANNEL } from "#test/support/file-channel.ts";
import { latin1 } from "#test/support/messages.ts";
import { anyBytes, headerSegment, mutatedCorpus } from "./wire-bytes.ts";

export interface FileCase {
  /** One character a byte. */
  readonly text: string;
  readonly cuts: readonly number[];
}

const MARK = "\xef\xbb\xbf";
const token = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("\r", "\n", "\r\n", "\x0b", "\x1c", "\x1c\r", " ") },
  {
    weight: 3,
    arbitrary: fc.constantFrom("MSH|^~\\&", "MSH#*!?%#", "BHS|^~\\&", "FHS|^", "BTS|1", "FTS"),
  },
  { weight: 2, arbitrary: fc.constantFrom("MSH", "MS", "BTS", "F", "|", MARK, "\xef", "PID|1") },
  { weight: 1, arbitrary: anyBytes(6) },
  { weight: 1, arbitrary: headerSegment },
);
const structured = fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join(""));
const text = fc.oneof(
  { weight: 8, arbitrary: structured },
  { weight: 1, arbitrary: mutatedCorpus },
  { weight: 1, arbitrary: anyBytes(200) },
);
export const fileCase: fc.Arbitrary<FileCase> = fc.record({
  text,
  cuts: fc.array(fc.nat(), { maxLength: 30 }),
});

interface Split {
  readonly parts: readonly Part[];
  readonly framedCount: number;
}

function splitAt(bytes: Uint8Array, cuts: readonly number[]): Split {
  const scan = new BoundaryScan("file");
  const boundaries: Boundary[] = [];
  for (const chunk of chunksOf(bytes, cuts)) {
    boundaries.push(...scan.push(chunk));
    // The chunk is overwritten afterwards: the scan must not have kept it.
    chunk.fill(0x4d);
  }
  boundaries.push(...scan.finish());
  return { parts: filePartsOf(boundaries, bytes.length), framedCount: scan.framedCount };
}

function chunksOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const ends = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [...ends, bytes.length].map(
    (end, index) => new Uint8Array(bytes.subarray(index === 0 ? 0 : ends[index - 1], end)),
  );
}

/** @throws {AssertionError} */
export function checkFile({ text, cuts }: FileCase): void {
  const bytes = latin1(text);
  const whole = splitAt(bytes, []);
  assert.deepEqual(splitAt(bytes, cuts), whole);
  assertCovered(text, whole.parts);
  assertHeadersBegin(text, whole.parts);
  assertSameInSlices(bytes, cuts);
}

function assertCovered(text: string, parts: readonly Part[]): void {
  let [end, messageCount] = [0, 0];
  for (const { kind, start, length, index } of parts) {
    assert.ok(start >= end && length > 0);
    assert.equal(index, messageCount);
    if (kind === "message") messageCount += 1;
    assertIgnored(text, end, start);
    end = start + length;
  }
  assertIgnored(text, end, text.length);
}

const IGNORED = " \t\r\n\x0b";

function assertIgnored(text: string, from: number, to: number): void {
  const start = from === 0 && text.startsWith(MARK) ? MARK.length : from;
  for (let at = start; at < to; at++) {
    const isEnd = text[at] === "\x1c" && "\r\n\x0b".includes(text[at + 1] ?? "");
    assert.ok(isEnd || IGNORED.includes(text[at] ?? ""), `byte ${at} was left out`);
  }
}

const HEADER = /(?<=^|[\r\n])MSH([^A-Za-z0-9 \t\r\n])([^A-Za-z0-9 \t\r\n])/g;

function assertHeadersBegin(text: string, parts: readonly Part[]): void {
  const starts = new Set(parts.filter(({ kind }) => kind === "message").map(({ start }) => start));
  for (const { index, 1: separator, 2: encoding } of text.matchAll(HEADER)) {
    if (separator !== encoding)
      assert.ok(starts.has(index), `the header at ${index} is no message`);
  }
  for (const start of starts) assert.equal(text.slice(start, start + 3), "MSH");
}

/** What the doorway makes of a file in slices and of the same one whole. */
function assertSameInSlices(bytes: Buffer, cuts: readonly number[]): void {
  const sliced = new LargeBody(STORELESS, fileForm(FILE_CHANNEL.rules, "hl7"));
  const slices = chunksOf(bytes, cuts);
  const rest = slices.pop() ?? new Uint8Array(0);
  for (const slice of slices) sliced.add(slice);
  assert.deepEqual(itemsOf(rest, bytes, sliced), itemsOf(bytes, bytes, undefined));
}

function itemsOf(rest: Uint8Array, bytes: Buffer, large: LargeBody | undefined): object {
  const digest = createHash("sha256").update(bytes).digest();
  const { sha256, content } = examineFile({
    ...{ channel: FILE_CHANNEL, claim: "0", content: "hl7", attributes: {}, repeated: false },
    ...{ bytes: rest, totalBytes: bytes.length, large },
    mark: { id: 1, sha256: digest, contentKey: digest },
  });
  assert.deepEqual(Buffer.from(sha256), digest);
  if (typeof content === "string") return { content };
  const items = [...content.items].map(({ msh, sha256: own, start, length, body, ...item }) => {
    const text = bytes.subarray(start, start + length);
    assert.ok(createHash("sha256").update(text).digest().equals(own));
    // Of a message in slices the bytes are there; of a bad one they come along.
    assert.ok(body.length === 0 || text.equals(body));
    const isBad = item.refusal !== undefined && item.refusal !== "tooLarge";
    assert.ok(!isBad || body.length === length, "a small bad message needs no slices");
    const { refusal, isMessage, index, acknowledges, scan } = item;
    return {
      ...{ refusal, isMessage, index, acknowledges, scan },
      start,
      length,
      header: Buffer.from(msh?.segment ?? []).toString("latin1"),
    };
  });
  const { count, batch, unclosed, framedCount } = content;
  const envelope = batch?.envelope.map((segment) =>
    Buffer.from(segment.bytes)
      .toString("latin1")
      .replace(/[\r\n]+$/, ""),
  );
  return { items, count, countMismatch: batch?.countMismatch, envelope, unclosed, framedCount };
}

/** Slices go nowhere. */
const STORELESS = {
  newUpload: () => 1,
  stage: () => undefined,
  unstage: () => undefined,
  isLost: () => false,
} as unknown as Outbox;

/** One line that repeats it by hand. */
export function showFile({ text, cuts }: FileCase): string {
  return `cuts ${cuts.join(",")}: ${latin1(text).toString("hex")}`;
}
