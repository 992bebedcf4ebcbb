/** Bytes between blocks that mean nothing: counted, sampled, and at some point too many (03 F2). @module */
import { HeldBytes } from "./held-bytes.ts";

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
/** What a peer that speaks something else begins with: a TLS record, or an HTTP method. */
const TLS_RECORD = "\x16\x03";
const HTTP_METHOD = /^(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE|PATCH|TRACE) /;
const FOREIGN_BEGINNING_BYTES = 8;

/** One run of junk: from one block, or the beginning of the connection, to the next block. */
export class Junk {
  readonly #sampleBytes: number;
  readonly #maxBytes: number;
  readonly #sample = new HeldBytes(0);
  #sampled = false;
  #total = 0;
  #beginning = "";

  /** @param sampleBytes how much of a run is kept @param maxBytes of a run; beyond it nobody counts */
  constructor(sampleBytes: number, maxBytes: number) {
    this.#sampleBytes = sampleBytes;
    this.#maxBytes = maxBytes;
  }

  /** Whether this run is longer than junk may be, silent bytes aside. */
  get tooMuch(): boolean {
    return this.#total > this.#maxBytes;
  }

  /** Takes the next part of a run. @returns how many of its bytes are not silent, up to the limit */
  take(part: Uint8Array): number {
    const count = countMeaningful(part, this.#maxBytes - this.#total + 1);
    this.#total += count;
    const room = this.#sampled ? 0 : this.#sampleBytes - this.#sample.totalBytes;
    if (room > 0 && count > 0) this.#sample.add(meaningfulOf(part, room));
    return count;
  }

  /** Whether what the connection began with is another protocol; ask once for each part. */
  looksForeign(part: Uint8Array): boolean {
    if (this.#beginning.length >= FOREIGN_BEGINNING_BYTES) return false;
    this.#beginning += String.fromCharCode(...part.subarray(0, FOREIGN_BEGINNING_BYTES));
    return this.#beginning.startsWith(TLS_RECORD) || HTTP_METHOD.test(this.#beginning);
  }

  /** The sample of this run, once: when it is full, or (`over`) as far as it has come. */
  takeSample(over: boolean): Uint8Array | undefined {
    const { totalBytes } = this.#sample;
    if (totalBytes === 0 || (!over && totalBytes < this.#sampleBytes)) return undefined;
    this.#sampled = true;
    return this.#sample.takeAll();
  }

  /** A block begins: the next run is another one. */
  reset(): void {
    this.#total = 0;
    this.#sampled = false;
  }
}

const isSilent = (byte: number): boolean =>
  byte === NUL || byte === CR || byte === LF || byte === SPACE;

/** A plain loop: a peer that sends nothing but junk makes us look at every byte of it. */
function countMeaningful(part: Uint8Array, most: number): number {
  let count = 0;
  for (let at = 0; at < part.length && count < most; at++) {
    if (!isSilent(part[at] ?? NUL)) count += 1;
  }
  return count;
}

/** The first `most` of them, copied. */
function meaningfulOf(part: Uint8Array, most: number): Uint8Array {
  const found: number[] = [];
  for (let at = 0; at < part.length && found.length < most; at++) {
    const byte = part[at] ?? NUL;
    if (!isSilent(byte)) found.push(byte);
  }
  return Uint8Array.from(found);
}
