/**
 * MLLP, inbound: bytes in, blocks and what is wrong with them out. Pure: no socket, no clock, no log.
 *
 *              VT              FS             CR, or a lenient end (F3)
 *   outside ────────► content ────────► ended ────────────────────────► outside
 *                      ▲   │              │ any other byte: malformed, go on
 *        no header: it │   │ VT           │
 *        was malformed │   ▼              ▼
 *                    lookahead ◄──────────┘ (VT after FS, where lenient ends are off)
 *                        │ a header begins: the old part is a fragment (F4)
 *                        ▼
 *                     content (new)
 *
 * A bad block never changes the fate of the blocks around it: it is one unit, up to its own end (F10).
 * Work is linear in the bytes; a block held here is at most `spoolThresholdBytes` and one slice (F11).
 *
 * Source: HL7 MLLP Release 1 and 2, which call VT SB and FS EB.
 *
 * @module
 */
import {
  FRAGMENT_KEPT_BYTES,
  JUNK_MAX_BYTES,
  JUNK_SAMPLE_BYTES,
  SLICE_BYTES,
  SPOOL_THRESHOLD_BYTES,
} from "../../limits.ts";
import { headerStart, mayBeginHeader } from "../hl7/msh.ts";
import { HeldBytes } from "./held-bytes.ts";
import { Junk } from "./junk.ts";

const LF = 0x0a;
const VT = 0x0b;
const CR = 0x0d;
const FS = 0x1c;
const VT_INSIDE = Uint8Array.of(VT);
const FS_INSIDE = Uint8Array.of(FS);

/** One complete unit, good or malformed, or what is left of one. */
export interface Unit {
  /**
   * The content between VT and FS; for a block above the spool threshold only what was not given out
   * as slices before. May be a view into the chunk: valid until the chunk is reused.
   */
  readonly bytes: Uint8Array;
  /** Length of the whole content, slices included. */
  readonly totalBytes: number;
}

export type BlockEvent =
  /** The next part of a large block whose end is not here yet (F7); the receiver owns the bytes. */
  | { readonly kind: "slice"; readonly bytes: Uint8Array<ArrayBuffer> }
  | ({ readonly kind: "block"; readonly lenientEnd: boolean } & Unit)
  /** Framing bytes inside: one quarantine entry, one refusal (E2). */
  | ({ readonly kind: "malformed"; readonly lenientEnd: boolean } & Unit)
  /** Never acknowledged (F4, F5). */
  | ({ readonly kind: "fragment"; readonly reason: "abandoned" | "partial" } & Unit)
  /** Over the limit; `ended` if its end was seen, so that it can be refused. Close afterwards (F7). */
  | ({ readonly kind: "tooLarge"; readonly ended: boolean } & Unit)
  /** Bytes between blocks that mean nothing (F2). */
  | { readonly kind: "junk"; readonly count: number }
  /** How they begin: once for each run of them, as soon as it is full or over. */
  | { readonly kind: "junkSample"; readonly bytes: Uint8Array }
  /** F3: the end was decided by silence, and then more came. */
  | { readonly kind: "bytesAfterLenientEnd" }
  /** TLS, HTTP, or 64 KiB without a VT: close (F2). */
  | { readonly kind: "notMllp" };

export interface BlockReaderOptions {
  readonly blockMaxBytes: number;
  readonly lenientEnd: boolean;
  readonly spoolThresholdBytes?: number;
  /** F2. */
  readonly maxJunkBytes?: number;
  readonly junkSampleBytes?: number;
}

const DEFAULTS = {
  spoolThresholdBytes: SPOOL_THRESHOLD_BYTES,
  maxJunkBytes: JUNK_MAX_BYTES,
  junkSampleBytes: JUNK_SAMPLE_BYTES,
};

/** A mark, 64 blanks and a header's name: with so many bytes it is clear whether a header begins. */
const LOOKAHEAD_BYTES = 70;

type State = "outside" | "content" | "lookahead" | "ended" | "closed";

/** Splits one TCP connection's byte stream into blocks, however it is cut. */
export class BlockReader {
  readonly #options: Required<BlockReaderOptions>;
  #state: State = "outside";
  #held = new HeldBytes(FRAGMENT_KEPT_BYTES);
  #malformed = false;
  /** Bytes after a VT inside a block, until it is clear whether they begin a header (F4). */
  #ahead = new HeldBytes(0);
  /** Where the next FS of this chunk is: a VT before it does not make us look again (F11). */
  #fsIndex = -1;
  readonly #junk: Junk;
  #begunCount = 0;
  #endedBySilence = false;
  #events: BlockEvent[] = [];

  constructor(options: BlockReaderOptions) {
    if (!Number.isInteger(options.blockMaxBytes) || options.blockMaxBytes < 1) {
      throw new RangeError(`Cannot limit a block to ${options.blockMaxBytes} bytes`);
    }
    this.#options = { ...DEFAULTS, ...options };
    const { junkSampleBytes, maxJunkBytes } = this.#options;
    this.#junk = new Junk(junkSampleBytes, maxJunkBytes);
  }

  /** Inside a block, from its VT to its end: the limits of F5 run. */
  get insideBlock(): boolean {
    return this.#state !== "outside" && this.#state !== "closed";
  }

  /** How many blocks have begun: tells one from the next where both are inside a chunk. */
  get begunCount(): number {
    return this.#begunCount;
  }

  /** FS was the last byte: after `endOfBlockWaitMilliseconds` call `silence` (F3). */
  get awaitsEnd(): boolean {
    return this.#state === "ended" && this.#options.lenientEnd;
  }

  /**
   * Takes the next chunk from the socket and gives back everything it completes, in wire order.
   *
   * @param chunk bytes in wire order, any number of them. A block that lies wholly inside it comes
   *   out as a view of it, without a copy
   */
  push(chunk: Uint8Array): BlockEvent[] {
    let at = 0;
    this.#fsIndex = -1;
    while (at < chunk.length) {
      switch (this.#state) {
        case "closed":
          return this.#takeEvents();
        case "outside":
          at = this.#outside(chunk, at);
          break;
        case "content":
          at = this.#content(chunk, at);
          break;
        case "lookahead":
          at = this.#lookahead(chunk, at);
          break;
        case "ended":
          at = this.#ended(chunk, at);
          break;
      }
    }
    this.#held.keep();
    this.#ahead.keep();
    return this.#takeEvents();
  }

  /** Nothing came for `endOfBlockWaitMilliseconds` after FS (F3). */
  silence(): BlockEvent[] {
    if (this.awaitsEnd) {
      this.#finish(true);
      this.#endedBySilence = true;
    }
    return this.#takeEvents();
  }

  /** The peer closed its side in good order: after FS that is an end of block (F3), else F5. */
  end(): BlockEvent[] {
    if (this.awaitsEnd) this.#finish(true);
    return [...this.#takeEvents(), ...this.abort()];
  }

  /** The connection broke, or a limit of F5 ran out: what is here becomes a fragment. */
  abort(): BlockEvent[] {
    this.#giveSample(true);
    this.#takeUndecided();
    if (this.insideBlock && this.#held.totalBytes > 0) {
      if (this.#held.dropping) this.#emitTooLarge(false);
      else this.#events.push({ kind: "fragment", reason: "partial", ...this.#takeHeld() });
    }
    this.#state = "closed";
    return this.#takeEvents();
  }

  #outside(chunk: Uint8Array, from: number): number {
    const start = chunk.indexOf(VT, from);
    const end = start === -1 ? chunk.length : start;
    if (end > from) this.#takeJunk(chunk.subarray(from, end));
    if (start === -1 || this.#state === "closed") return chunk.length;
    this.#begin();
    return start + 1;
  }

  #content(chunk: Uint8Array, from: number): number {
    const end = this.#nextFs(chunk, from);
    const vt = chunk.subarray(from, end).indexOf(VT);
    if (vt !== -1) {
      this.#take(chunk.subarray(from, from + vt));
      return this.#startInside(chunk, from + vt + 1);
    }
    this.#take(chunk.subarray(from, end));
    if (end < chunk.length) this.#go("ended");
    return end + 1;
  }

  /** @returns the end of the chunk where there is none */
  #nextFs(chunk: Uint8Array, from: number): number {
    if (this.#fsIndex < from) {
      const found = chunk.indexOf(FS, from);
      this.#fsIndex = found === -1 ? chunk.length : found;
    }
    return this.#fsIndex;
  }

  /** A VT inside a block, just before `next`: decided at once where the chunk holds enough (F4). */
  #startInside(chunk: Uint8Array, next: number): number {
    if (this.#state === "closed") return chunk.length;
    if (chunk.length - next < LOOKAHEAD_BYTES) this.#go("lookahead");
    else if (headerStart(chunk.subarray(next, next + LOOKAHEAD_BYTES)) !== -1) this.#abandon();
    else {
      this.#malformed = true;
      this.#take(VT_INSIDE);
    }
    return next;
  }

  #lookahead(chunk: Uint8Array, from: number): number {
    const byte = chunk[from] ?? 0;
    const framing = byte === FS || byte === VT;
    if (!framing) this.#ahead.add(chunk.subarray(from, from + 1));
    const ahead = this.#ahead.view();
    if (headerStart(ahead) !== -1) {
      const begun = this.#ahead.takeAll();
      this.#abandon();
      this.#take(begun);
      return from + 1;
    }
    if (!framing && mayBeginHeader(ahead)) return from + 1;
    // The VT was content: this block is malformed, up to its own end.
    this.#malformed = true;
    this.#state = "content";
    this.#take(VT_INSIDE);
    this.#take(this.#ahead.takeAll());
    return framing ? from : from + 1;
  }

  #ended(chunk: Uint8Array, from: number): number {
    const byte = chunk[from];
    const { lenientEnd } = this.#options;
    if (byte === CR || (lenientEnd && byte === LF)) {
      this.#finish(byte === LF);
      return from + 1;
    }
    if (byte === VT && lenientEnd) {
      this.#finish(true);
      if (this.#state === "outside") this.#begin();
      return from + 1;
    }
    this.#malformed = true;
    this.#take(FS_INSIDE);
    this.#go(byte === VT ? "lookahead" : "content");
    return byte === VT ? from + 1 : from;
  }

  /** A block past twice its limit has closed the reader: that stays (F7). */
  #go(state: "content" | "lookahead" | "ended"): void {
    if (this.#state !== "closed") this.#state = state;
  }

  #begin(): void {
    this.#giveSample(true);
    this.#state = "content";
    this.#begunCount += 1;
    this.#malformed = false;
    this.#junk.reset();
    this.#endedBySilence = false;
  }

  #take(part: Uint8Array): void {
    if (part.length === 0 || this.#state === "closed") return;
    const { blockMaxBytes, spoolThresholdBytes } = this.#options;
    this.#held.add(part);
    const { totalBytes } = this.#held;
    if (totalBytes > blockMaxBytes) {
      this.#held.dropRest();
      if (totalBytes > blockMaxBytes * 2) this.#emitTooLarge(false);
      return;
    }
    if (totalBytes <= spoolThresholdBytes) return;
    for (const bytes of this.#held.takeSlices(SLICE_BYTES)) {
      this.#events.push({ kind: "slice", bytes });
    }
  }

  /** At the end, a framing byte that might have meant something is content: a fragment is kept whole. */
  #takeUndecided(): void {
    if (this.#state === "ended") this.#take(FS_INSIDE);
    if (this.#state !== "lookahead") return;
    this.#take(VT_INSIDE);
    this.#take(this.#ahead.takeAll());
  }

  #finish(lenientEnd: boolean): void {
    if (this.#held.dropping) {
      this.#emitTooLarge(true);
      return;
    }
    const kind = this.#malformed ? "malformed" : "block";
    this.#events.push({ kind, lenientEnd, ...this.#takeHeld() });
    this.#state = "outside";
  }

  #abandon(): void {
    if (this.#held.dropping) {
      this.#emitTooLarge(false);
      return;
    }
    if (this.#held.totalBytes > 0) {
      this.#events.push({ kind: "fragment", reason: "abandoned", ...this.#takeHeld() });
    }
    this.#begin();
  }

  #emitTooLarge(ended: boolean): void {
    this.#events.push({ kind: "tooLarge", ended, ...this.#takeHeld() });
    this.#state = "closed";
  }

  #takeHeld(): Unit {
    const totalBytes = this.#held.totalBytes;
    return { bytes: this.#held.takeAll(), totalBytes };
  }

  #takeJunk(part: Uint8Array): void {
    const foreign = this.#begunCount === 0 && this.#junk.looksForeign(part);
    const count = this.#junk.take(part);
    if (count > 0) {
      if (this.#endedBySilence) this.#events.push({ kind: "bytesAfterLenientEnd" });
      this.#endedBySilence = false;
      this.#events.push({ kind: "junk", count });
    }
    // Where it is known what it is, nobody needs a sample of each such connection.
    if (foreign) this.#junk.takeSample(true);
    else this.#giveSample(false);
    if (foreign || this.#junk.tooMuch) this.#refusePeer();
  }

  #giveSample(over: boolean): void {
    const bytes = this.#junk.takeSample(over);
    if (bytes !== undefined) this.#events.push({ kind: "junkSample", bytes });
  }

  #refusePeer(): void {
    if (this.#state === "closed") return;
    this.#giveSample(true);
    this.#events.push({ kind: "notMllp" });
    this.#state = "closed";
  }

  #takeEvents(): BlockEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }
}
