/** Words that must not be found anywhere, in any dress, and the search for them (08 section 9). @module */
import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One way in which a word can stand in bytes. */
export interface Needle {
  readonly word: string;
  readonly dress: string;
  readonly bytes: Buffer;
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

/** Every way in which a word could be written down by accident. */
export function needlesOf(word: string): Needle[] {
  const plain = Buffer.from(word, "utf8");
  const url = encodeURIComponent(word);
  const dresses: readonly (readonly [string, Buffer])[] = [
    ["UTF-8", plain],
    ["latin1", latin1(word)],
    ["UTF-16LE", Buffer.from(word, "utf16le")],
    ["UTF-16BE", Buffer.from(word, "utf16le").swap16()],
    ["hex", latin1(plain.toString("hex"))],
    ["HEX", latin1(plain.toString("hex").toUpperCase())],
    ["URL", latin1(url)],
    ["url", latin1(url.replaceAll(/%../g, (code) => code.toLowerCase()))],
    ["form", latin1(url.replaceAll("%20", "+"))],
    ["JSON", latin1(JSON.stringify(word).slice(1, -1))],
    ...[0, 1, 2].map((offset) => [`base64 +${offset}`, base64Of(plain, offset)] as const),
  ];
  return dresses.map(([dress, bytes]) => ({ word, dress, bytes }));
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
  const half = hash("sha256", bytes, "buffer").subarray(0, 16);
  const word = `SHA-256 of ${what}`;
  return [
    { word, dress: "raw", bytes: half },
    { word, dress: "hex", bytes: latin1(half.toString("hex")) },
    { word, dress: "base64", bytes: base64Of(half, 0) },
  ];
}

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @returns what was found, without quoting what stands around it */
export function hitsIn(where: string, content: Buffer, needles: readonly Needle[]): string[] {
  return needles.flatMap(({ word, dress, bytes }) => {
    const at = content.indexOf(bytes);
    return at < 0 ? [] : [`${where} holds ${word} as ${dress} at ${at}`];
  });
}

export const hitsBelow = (folder: string, needles: readonly Needle[]): string[] =>
  filesBelow(folder).flatMap((file) => hitsIn(file, readFileSync(file), needles));
