/** Words that must not be found anywhere, in any dress, and the search for them (08 section 9). @module */
import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One way in which a word can stand in bytes. */
export interface Needle {
  readonly word: string;
  readonly dress: string;
  readonly bytes: Buffer;
  /** `bytes` are in lower case, and so is what they are looked for in: ASCII letters alone. */
  readonly isFolded?: true;
}

/** A part of a word that is so long, and the same in every character set, tells who it is, too. */
const ASCII_PART_MIN_LENGTH = 8;

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const folded = (bytes: Buffer): Buffer =>
  latin1(bytes.toString("latin1").replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()));

/** Every way in which a word could be written down by accident. */
export function needlesOf(word: string): Needle[] {
  const plain = Buffer.from(word, "utf8");
  const dresses: readonly (readonly [string, Buffer])[] = [
    ["UTF-8", plain],
    ["latin1", latin1(word)],
    // Read as latin1, and written as UTF-8.
    ["mojibake", Buffer.from(plain.toString("latin1"), "utf8")],
    ["UTF-16LE", Buffer.from(word, "utf16le")],
    ["UTF-16BE", Buffer.from(word, "utf16le").swap16()],
    ["reversed", Buffer.from([...word].reverse().join(""), "utf8")],
    ...escapesOf(word, plain),
    ...[0, 1, 2].flatMap((offset) => {
      const found = base64Of(plain, offset);
      const forUrls = found.toString("latin1").replaceAll("+", "-").replaceAll("/", "_");
      return [
        [`base64 +${offset}`, found] as const,
        [`base64url +${offset}`, latin1(forUrls)] as const,
      ];
    }),
  ];
  const shouted = [word.toLowerCase(), word.toUpperCase()].map((other) => Buffer.from(other));
  return [
    ...dresses.map(([dress, bytes]) => ({ word, dress, bytes })),
    ...[plain, ...shouted].map((bytes) => ({
      ...{ word, dress: "other case", bytes: folded(bytes), isFolded: true as const },
    })),
    ...asciiPart(word),
  ];
}

/** As formats of text write what they do not take as it is. */
function escapesOf(word: string, plain: Buffer): [string, Buffer][] {
  const url = encodeURIComponent(word);
  const each = (pattern: RegExp, write: (character: string) => string): string =>
    word.replaceAll(pattern, write);
  const unit = (character: string): string => `\\u${padded(character.charCodeAt(0))}`;
  const entity = (character: string): string => `&#${character.codePointAt(0)};`;
  const named: Readonly<Record<string, string>> = {
    ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" },
  };
  const quoted = [...plain].map((byte) =>
    byte > 0x7e || byte === 0x3d
      ? `=${byte.toString(16).toUpperCase()}`
      : String.fromCharCode(byte),
  );
  const all: readonly (readonly [string, string])[] = [
    ["hex", plain.toString("hex")],
    ["HEX", plain.toString("hex").toUpperCase()],
    ["hex with spaces", [...plain].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")],
    ["URL", url],
    ["url", url.replaceAll(/%../g, (code) => code.toLowerCase())],
    ["form", url.replaceAll("%20", "+")],
    ["JSON", JSON.stringify(word).slice(1, -1)],
    ["JSON in ASCII", each(/[^ -~]/g, unit)],
    ["HTML", each(/[&<>"']/g, (character) => named[character] ?? "")],
    ["HTML in numbers", each(/[^ -~]|[&<>"']/gu, entity)],
    ["quoted-printable", quoted.join("")],
  ];
  return all.map(([dress, text]) => [dress, Buffer.from(text, "utf8")]);
}

const padded = (unit: number): string => unit.toString(16).padStart(4, "0");

/** Of a word with other characters: its longest part without them. */
function asciiPart(word: string): Needle[] {
  const parts = word.split(/[^ -~]+/).sort((a, b) => b.length - a.length);
  const [longest = ""] = parts;
  const isPart = parts.length > 1 && longest.length >= ASCII_PART_MIN_LENGTH;
  return isPart ? [{ word, dress: "a part of it", bytes: latin1(longest) }] : [];
}

/** What base64 makes of the bytes wherever they begin: only the characters that they alone decide. */
function base64Of(plain: Buffer, offset: number): Buffer {
  const padded = Buffer.concat([Buffer.alloc(offset), plain]).toString("base64");
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + plain.length) * 8) / 6);
  return latin1(padded.slice(first, last));
}

/** A bare digest lets anyone confirm a guess (08 2.1): half of it is enough. */
export function digestNeedles(what: string, bytes: Uint8Array): Needle[] {
  return ["md5", "sha1", "sha256", "sha512"].flatMap((algorithm) => {
    const digest = hash(algorithm, bytes, "buffer");
    const half = digest.subarray(0, digest.length / 2);
    const word = `${algorithm} of ${what}`;
    return [
      { word, dress: "raw", bytes: half },
      { word, dress: "hex", bytes: latin1(half.toString("hex")) },
      { word, dress: "HEX", bytes: latin1(half.toString("hex").toUpperCase()) },
      { word, dress: "base64", bytes: base64Of(half, 0) },
    ];
  });
}

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @returns what was found, without quoting what stands around it */
export function hitsIn(where: string, content: Buffer, needles: readonly Needle[]): string[] {
  const lower = needles.some(({ isFolded }) => isFolded) ? folded(content) : content;
  return needles.flatMap(({ word, dress, bytes, isFolded }) => {
    const at = (isFolded ? lower : content).indexOf(bytes);
    return at < 0 ? [] : [`${where} holds ${word} as ${dress} at ${at}`];
  });
}

export const hitsBelow = (folder: string, needles: readonly Needle[]): string[] =>
  filesBelow(folder).flatMap((file) => hitsIn(file, readFileSync(file), needles));
