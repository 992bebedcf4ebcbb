/** Streams for the block reader: good blocks, every way to break one, and limits met to the byte. @module */
import fc from "fast-check";
import { JUNK_MAX_BYTES, SLICE_BYTES } from "#agent/limits.ts";
import { latin1 } from "#test/support/messages.ts";
import { type NaiveOptions, SILENCE } from "./naive-blocks.ts";
import { anyBytes, beforeHeader, headerSegment, mutatedCorpus, wideText } from "./wire-bytes.ts";

export interface StreamCase extends NaiveOptions {
  readonly spoolThresholdBytes: number;
  /** One character a byte, and `SILENCE`. */
  readonly stream: string;
  /** Content of the good block that stands somewhere in the stream; empty where there is none. */
  readonly good: string;
  /** Any numbers: each modulo the length is a cut. */
  readonly cuts: readonly number[];
}

const GOOD = "MSH|^~\\&|GOOD||||2025||ADT^A01|GOOD-1|P|2.5\rPID|1\r";

const SIZES = ["max", "twice", "threshold", "slice", "junk"] as const;
/** So many bytes as a limit and `delta`. */
interface Filler {
  readonly size: (typeof SIZES)[number];
  readonly delta: number;
}

const filler = (sizes: readonly Filler["size"][]): fc.Arbitrary<Filler> =>
  fc.record({ size: fc.constantFrom(...sizes), delta: fc.integer({ min: -2, max: 2 }) });

const framing = fc.constantFrom(
  "\x0b",
  "\x1c",
  "\x1c\r",
  "\x1c\r",
  "\x1c\n",
  `\x1c${SILENCE}`,
  SILENCE,
);
const silent = fc.constantFrom("\r", "\n", "\0", " ", "\t", "\r\n", `${SILENCE}\r`);
const foreign = fc.constantFrom("\x16\x03\x01", "GET / HTTP/1.1\r\n", "OPTIONS *", "POST", "\x16");
const header = fc.tuple(beforeHeader, headerSegment).map((parts) => parts.join(""));
const payload = fc.oneof(
  header,
  fc.tuple(header, anyBytes(8)).map((parts) => parts.join("\r")),
  fc.constantFrom("MSH", "BHS|", "FHS", "M", "MS", "BH", "F", "x"),
  mutatedCorpus,
  wideText,
);
const whole = fc
  .tuple(payload, fc.constantFrom("\x1c\r", "\x1c\r", "\x1c\n", "\x1c", `\x1c${SILENCE}`, ""))
  .map(([text, end]) => `\x0b${text}${end}`);
const broken = fc
  .tuple(payload, fc.constantFrom("\x0b", "\x1c", "\x0b\x0b", "\x1cx", "\x1c\x0b"), payload)
  .map((parts) => `\x0b${parts.join("")}\x1c\r`);

const piece: fc.Arbitrary<string | Filler> = fc.oneof(
  { weight: 120, arbitrary: framing },
  { weight: 80, arbitrary: whole },
  { weight: 50, arbitrary: broken },
  { weight: 40, arbitrary: payload },
  { weight: 40, arbitrary: silent },
  { weight: 40, arbitrary: anyBytes(12) },
  { weight: 16, arbitrary: filler(["max", "twice", "threshold"]) },
  { weight: 6, arbitrary: foreign },
  { weight: 1, arbitrary: filler(["slice", "slice", "junk"]) },
);
const pieces = fc.array(piece, { maxLength: 16 });

const options = fc.record({
  blockMaxBytes: fc.oneof(
    { weight: 6, arbitrary: fc.constant(1 << 20) },
    { weight: 2, arbitrary: fc.constantFrom(100, 300, 2 * SLICE_BYTES) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 80 }) },
  ),
  spoolThresholdBytes: fc.constantFrom(1, 16, 300, SLICE_BYTES),
  lenientEnd: fc.boolean(),
  ending: fc.constantFrom("end", "abort"),
});

export const streamCase: fc.Arbitrary<StreamCase> = fc
  .record({
    limits: options,
    before: pieces,
    good: fc.constantFrom("", GOOD, GOOD, GOOD),
    after: pieces,
    cuts: fc.array(fc.nat(), { maxLength: 12 }),
  })
  .map(({ limits, before, good, after, cuts }) => {
    const textOfAll = (parts: readonly (string | Filler)[]): string =>
      parts.map((part) => (typeof part === "string" ? part : fillerText(part, limits))).join("");
    const middle = good === "" ? "" : `\x0b${good}\x1c\r`;
    return { ...limits, stream: textOfAll(before) + middle + textOfAll(after), good, cuts };
  });

function fillerText(
  { size, delta }: Filler,
  { blockMaxBytes, spoolThresholdBytes }: { blockMaxBytes: number; spoolThresholdBytes: number },
): string {
  const bytes = {
    max: blockMaxBytes,
    twice: 2 * blockMaxBytes,
    threshold: spoolThresholdBytes,
    slice: SLICE_BYTES + spoolThresholdBytes,
    junk: JUNK_MAX_BYTES,
  }[size];
  // Limits of a megabyte are for streams that must not meet them.
  if (bytes > 4 * SLICE_BYTES) return "";
  // Half a megabyte of junk would say no more than 64 KiB of it.
  const start = bytes > JUNK_MAX_BYTES ? "\x0bMSH|" : "";
  return start + "abcdefghij".repeat(bytes / 10 + 2).slice(0, bytes + delta);
}

/** One line that repeats it by hand. */
export function showStream({ stream, cuts, ...rest }: StreamCase): string {
  const limits = `max ${rest.blockMaxBytes}, threshold ${rest.spoolThresholdBytes}`;
  const hex = stream
    .split(SILENCE)
    .map((part) => latin1(part).toString("hex"))
    .join(" silence ");
  const how = `${rest.lenientEnd ? "lenient" : "strict"}, ${rest.ending}`;
  return `${limits}, ${how}, cuts ${cuts.map((cut) => cut % (stream.length + 1)).join(" ")}: ${hex}`;
}
