/**
 * The block reader against hostile and broken streams, cut in many ways: what comes out must be what the
 * naive reading of the whole stream says (so no cut can matter), every byte must be accounted for, and a
 * good block must come out whatever stands around it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type BlockEvent, BlockReader } from "#agent/ingest/mllp/block-reader.ts";
import { FRAGMENT_KEPT_BYTES, JUNK_SAMPLE_BYTES, SLICE_BYTES } from "#agent/limits.ts";
import { latin1, textOf } from "#test/support/messages.ts";
import { keptAtLeast, naiveBlocks, type Seen, SILENCE } from "./naive-blocks.ts";
import type { StreamCase } from "./stream-cases.ts";

const VT = "\x0b";
/** Below this length a stream is also given byte by byte. */
const SINGLE_BYTES_MAX = 600;
/** What a chunk is overwritten with after the call: a view kept of it would show. */
const POISON = 0x50;
const MEANINGLESS = new RegExp(`[${VT}\0\r\n ${SILENCE}]`, "g");
/** Holds one stream, in several cuts, against the rules. @throws {AssertionError} */
export function checkStream(input: StreamCase): void {
  const expected = naiveBlocks(input.stream, input);
  for (const [name, chunks] of Object.entries(cutsOf(input))) {
    const seen = readChunks(input, chunks);
    assertSame(seen, expected, name);
    assertConserved(seen, input, name);
    assertGoodBlockIsThere(input, seen, name);
  }
}

function cutsOf({ stream, cuts }: StreamCase): Record<string, string[]> {
  const at = cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b);
  const ends = [...at, stream.length];
  return {
    whole: [stream],
    cut: ends.map((end, index) => stream.slice(ends[index - 1] ?? 0, end)),
    ...(stream.length <= SINGLE_BYTES_MAX ? { "byte by byte": [...stream] } : {}),
  };
}

/** Feeds the chunks, with silence where the text has it, and collects what comes as `Seen`. */
function readChunks(input: StreamCase, chunks: readonly string[]): Seen[] {
  const { blockMaxBytes, lenientEnd, spoolThresholdBytes } = input;
  const reader = new BlockReader({ blockMaxBytes, lenientEnd, spoolThresholdBytes });
  const collector = new Collector(input);
  for (const chunk of chunks) {
    for (const [index, part] of chunk.split(SILENCE).entries()) {
      if (index > 0) collector.add(reader.silence());
      const bytes = latin1(part);
      collector.add(reader.push(bytes));
      bytes.fill(POISON);
    }
  }
  collector.add(input.ending === "end" ? reader.end() : reader.abort());
  assert.deepEqual(reader.push(latin1("\x0bMSH|\x1c\r")), [], "after its end nothing is read");
  return collector.finish();
}

class Collector {
  readonly #input: StreamCase;
  readonly #seen: Seen[] = [];
  #slices: Uint8Array[] = [];

  constructor(input: StreamCase) {
    this.#input = input;
  }

  add(events: readonly BlockEvent[]): void {
    for (const event of events) {
      if (event.kind === "slice") {
        assert.equal(event.bytes.length, SLICE_BYTES, "a slice is whole");
        // Kept as it is: the receiver owns its bytes, so the reader must not touch them again.
        this.#slices.push(event.bytes);
      } else if (event.kind === "junk") this.#junk(event);
      else if (event.kind === "junkSample") this.#sample(textOf(event.bytes));
      else if (event.kind === "notMllp" || event.kind === "bytesAfterLenientEnd") {
        this.#seen.push({ label: event.kind, text: "", total: 0 });
      } else this.#unit(event);
    }
  }

  finish(): Seen[] {
    assert.equal(this.#slices.length, 0, "slices belong to a unit that comes");
    return this.#seen;
  }

  #unit(
    event: Exclude<
      BlockEvent,
      { kind: "slice" | "junk" | "junkSample" | "notMllp" | "bytesAfterLenientEnd" }
    >,
  ) {
    const { spoolThresholdBytes, blockMaxBytes } = this.#input;
    // The bound of F11: a stream may end anywhere, so what a unit brings is what was held.
    const held =
      event.kind === "tooLarge" ? FRAGMENT_KEPT_BYTES : spoolThresholdBytes + SLICE_BYTES;
    assert.ok(event.bytes.length <= held, `${event.bytes.length} bytes were held`);
    const text = [...this.#slices, event.bytes].map(textOf).join("");
    this.#slices = [];
    this.#seen.push({ label: labelOf(event, blockMaxBytes), text, total: event.totalBytes });
  }

  /** Runs of junk as one: how they are cut is the only thing that the cuts may change. */
  #junk({ count }: Extract<BlockEvent, { kind: "junk" }>): void {
    const last = this.#seen.at(-1);
    if (last?.label !== "junk") this.#seen.push({ label: "junk", text: "", total: count });
    else this.#seen[this.#seen.length - 1] = { ...last, total: last.total + count };
  }

  #sample(text: string): void {
    const last = this.#seen.at(-1);
    assert.ok(last?.label === "junk" && last.text === "", "one sample a run, behind its junk");
    assert.ok(text.length > 0 && text.length <= JUNK_SAMPLE_BYTES);
    this.#seen[this.#seen.length - 1] = { ...last, text };
  }
}

function labelOf(event: BlockEvent, blockMaxBytes: number): string {
  switch (event.kind) {
    case "block":
    case "malformed":
      return event.lenientEnd ? `lenient ${event.kind}` : event.kind;
    case "fragment":
      return `fragment ${event.reason}`;
    case "tooLarge":
      if (event.totalBytes > 2 * blockMaxBytes && !event.ended) return "tooLarge past twice";
      return event.ended ? "tooLarge ended" : "tooLarge cut off";
    default:
      return event.kind;
  }
}

function assertSame(seen: Seen[], expected: Seen[], cut: string): void {
  const [left, right] = [beforeRefusal(seen), beforeRefusal(expected)];
  assert.deepEqual(
    left.map(({ label }) => label),
    right.map(({ label }) => label),
    cut,
  );
  for (const [index, one] of left.entries()) {
    const other = right[index] ?? one;
    const where = `${cut}, ${index}: ${one.label}`;
    if (one.label.startsWith("tooLarge")) {
      assert.ok(other.text.startsWith(one.text), `${where}: keeps its beginning`);
      assert.ok(one.text.length >= keptAtLeast(one.total), `${where}: keeps enough`);
      // Past twice the limit the rest of a chunk counts or does not, as the cut has it.
      if (one.label === "tooLarge past twice") assert.ok(one.total <= other.total, where);
      else assert.equal(one.total, other.total, where);
    } else {
      assert.equal(one.total, other.total, where);
      if (one.label === "junk") {
        assert.equal(one.text, other.text.slice(0, JUNK_SAMPLE_BYTES), `${where}: sample`);
      } else assert.ok(one.text === other.text && one.text.length === one.total, `${where}: bytes`);
    }
  }
}

/** How much junk lay before the moment of refusal depends on the chunk; that it comes does not. */
function beforeRefusal(seen: Seen[]): Seen[] {
  if (seen.at(-1)?.label !== "notMllp" || seen.at(-2)?.label !== "junk") return seen;
  return seen.toSpliced(-2, 1);
}

/** Every byte that is neither VT nor silent is content, junk, or the FS that ended a unit. */
function assertConserved(seen: Seen[], { stream }: StreamCase, cut: string): void {
  if (seen.some(isClosing)) return;
  const meaningful = (text: string): number => text.replaceAll(MEANINGLESS, "").length;
  let accounted = 0;
  for (const { label, text, total } of seen) {
    accounted += label === "junk" ? total : meaningful(text);
    if (label.endsWith("block") || label.endsWith("malformed")) accounted += 1;
  }
  assert.equal(meaningful(stream) - accounted, 0, `${cut}: bytes are lost`);
}

const isClosing = ({ label }: Seen): boolean => label === "notMllp" || label.startsWith("tooLarge");

/** A good block is lost only behind something that closes the connection, or if it is over the limit. */
function assertGoodBlockIsThere({ good }: StreamCase, seen: readonly Seen[], cut: string): void {
  if (good === "" || seen.some(isClosing)) return;
  const copies = seen.filter(({ label, text }) => label === "block" && text === good);
  assert.equal(copies.length, 1, `${cut}: the good block comes out`);
}
