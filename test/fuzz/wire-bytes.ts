/** What senders, broken senders and attackers put on the wire, as fast-check arbitraries. @module */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { message } from "#test/support/messages.ts";

const CORPUS = join(import.meta.dirname, "../../../shared/corpus");

/** Files of other projects where they are at hand, else two messages of our own; one character a byte. */
export const CORPUS_TEXTS: readonly string[] = corpusTexts();

function corpusTexts(): string[] {
  const own = [
    message(),
    message({ 9: "ORU^R01", 10: "R\xe91", 18: "8859/1" }, "\rOBX|1|ST|||\xfc"),
  ];
  if (!existsSync(CORPUS)) return own;
  const names = globSync("*/**/*", { cwd: CORPUS, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return [...own, ...names.map((name) => readFileSync(name, "latin1"))];
}

/** Any bytes, one character each. */
export const anyBytes = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString("latin1"));

const DELIMITERS = [..."|^~\\&#*!?%$,;:@ \t\0\x1f\xff|||||"];
const delimiter = fc.constantFrom(...DELIMITERS);

/** Fields of a header after MSH-2: names, types and numbers as they come, and any bytes. */
const fieldValue = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("", "", "ADT^A01", "ACK", "M1", "2.5", "2.3.1", "2.7", "P"),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("AL", "NE", "ER ", "su", "ZZ", "UNICODE UTF-8", "\xe9 \\F\\"),
  },
  { weight: 2, arbitrary: anyBytes(6) },
);

/** A header segment of any delimiters, without its end. */
export const headerSegment: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("MSH", "MSH", "MSH", "MSH", "FHS", "BHS", "MS", "msh"),
    fc.oneof(delimiter, anyBytes(1)),
    fc.oneof(fc.constant("^~\\&"), fc.array(delimiter, { maxLength: 5 }), anyBytes(5)),
    fc.array(fieldValue, { maxLength: 20 }),
  )
  .map(([name, separator, encoding, fields]) => {
    const characters = typeof encoding === "string" ? encoding : encoding.join("");
    return [name, characters, ...fields].join(separator);
  });

/** What may stand before a header: nothing, blanks up to and past the limit, a mark, half a mark. */
export const beforeHeader: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "\xef\xbb\xbf",
      "\xef\xbb\xbf\r\n",
      "\r\n",
      " \xef\xbb\xbf",
      "\xef\xbb",
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("", "\xef\xbb\xbf"),
        fc.constantFrom(" ", "\t", "\r", "\n"),
        fc.constantFrom(1, 2, 60, 61, 62, 63, 64, 65, 66, 70),
      )
      .map(([mark, blank, count]) => `${mark}${blank.repeat(count)}`),
  },
);

/** The bytes of UTF-16 and UTF-32, which MLLP cannot carry (03 F9). */
export function wide(text: string, width: 2 | 4, bigEndian: boolean, mark: boolean): string {
  const characters = [...(mark ? `\ufeff${text}` : text)];
  const units = characters.map((character) => {
    const code = character.charCodeAt(0);
    const low = String.fromCharCode(code & 0xff, code >> 8);
    const unit = low.padEnd(width, "\0");
    return bigEndian ? [...unit].reverse().join("") : unit;
  });
  return units.join("");
}

export const wideText: fc.Arbitrary<string> = fc
  .tuple(headerSegment, fc.constantFrom(2 as const, 4 as const), fc.boolean(), fc.boolean())
  .map(([text, width, bigEndian, mark]) => wide(text, width, bigEndian, mark));

/** A stretch of a real message with some bytes replaced, taken out or doubled. */
export const mutatedCorpus: fc.Arbitrary<string> = fc
  .record({
    file: fc.nat(CORPUS_TEXTS.length - 1),
    from: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(2_000) },
    ),
    length: fc.constantFrom(20, 100, 300, 2_000),
    edits: fc.array(
      fc.tuple(
        fc.nat(300),
        fc.constantFrom(0, 1, 2),
        fc.oneof(fc.constantFrom("\x0b", "\x1c", "\r", "|"), anyBytes(2)),
      ),
      { maxLength: 4 },
    ),
  })
  .map(({ file, from, length, edits }) => {
    let text = (CORPUS_TEXTS[file] ?? "").slice(from, from + length);
    for (const [at, removed, put] of edits) {
      text = `${text.slice(0, at)}${put}${text.slice(at + removed)}`;
    }
    return text;
  });
