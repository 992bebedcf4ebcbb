/**
 * A body that goes to the store in slices while it arrives (03 F7, 05 S11), and what it turned out to hold.
 *
 * The parts of a batch, or of a file, are found and digested as the bytes pass; none of them is kept here but
 * the beginning of each (03 F12, 04 P40), and the whole of the small ones that will be set aside.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import {
  BATCH_HEAD_BYTES,
  BATCH_HEADS_MAX_BYTES,
  BATCH_MAX_COUNT,
  FILE_ASIDE_MAX_BYTES,
  FRAGMENT_KEPT_BYTES,
} from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { EncodingScan, type Scan } from "./hl7/charset.ts";
import {
  type Boundary,
  BoundaryScan,
  filePartsOf,
  type Part,
  partsOf,
} from "./hl7/message-splitter.ts";
import { readMsh } from "./hl7/msh.ts";

/** A boundary may be found a few bytes after it came: so many, at least, have not passed yet. */
const LAG_BYTES = 64;
/** Of an acknowledgment its MSA is looked at, too. */
const ACKNOWLEDGMENT_HEAD_BYTES = 1_024;

/** How much is told apart in a body, and what for. */
export interface BodyForm {
  /** `opaque`: nothing is (04 P42). */
  readonly kind: "block" | "file" | "opaque";
  /** Beyond these the parts are not told apart at all. */
  readonly boundariesMaxCount: number;
  readonly headsMaxBytes: number;
  /** Of a file: whether a message that begins so will be set aside. */
  readonly isBad: (beginning: Uint8Array) => boolean;
}

const BLOCK: BodyForm = {
  kind: "block",
  boundariesMaxCount: BATCH_MAX_COUNT * 2,
  headsMaxBytes: BATCH_HEADS_MAX_BYTES,
  isBad: () => false,
};

/** What is known of the bytes between two boundaries. */
interface Passed {
  readonly sha256: Uint8Array;
  /** Its first segment. */
  readonly head: Uint8Array;
  readonly scan: Scan;
  /** The whole of it, where it is kept besides the slices; else empty. */
  readonly body: Uint8Array;
}

export interface LargePart extends Part, Passed {}

export interface LargeContent {
  readonly sha256: Uint8Array;
  /** Says nothing of an opaque body. */
  readonly scan: Scan;
  readonly parts: readonly LargePart[];
  /** They were not told apart: more of them, or of their headers, than a block may hold. */
  readonly tooManyParts: boolean;
  /** Of a file: messages with framing around them (04 P37). */
  readonly framedCount: number;
}

interface Open {
  readonly at: number;
  readonly begins: Boundary["begins"];
  /** `undefined`: the whole body's digest and scan are this part's, too, so far. */
  readonly own: { readonly digest: Hash; readonly encoding: EncodingScan } | undefined;
  head: Buffer;
}

export class LargeBody {
  readonly #outbox: Outbox;
  readonly #form: BodyForm;
  readonly upload: number;
  readonly #digest = createHash("sha256");
  readonly #encoding = new EncodingScan();
  readonly #boundaryScan: BoundaryScan;
  readonly #boundaries: Boundary[] = [];
  readonly #passed = new Map<number, Passed>();
  #headBytes = 0;
  #asideBytes = 0;
  /** Parts are no longer looked for. */
  #isOpaque: boolean;
  #open: Open | undefined;
  /** Boundaries whose bytes have not passed yet. */
  #ahead: Boundary[] = [];
  /** How much has passed, in bytes. */
  #position = 0;
  #lagging: Uint8Array = new Uint8Array(0);
  /** The beginning, copied: the header is read from it after the slices were handed over. */
  #head: Uint8Array = new Uint8Array(0);
  #ordinal = 0;

  constructor(outbox: Outbox, form = BLOCK) {
    this.#outbox = outbox;
    this.#form = form;
    this.#isOpaque = form.kind === "opaque";
    this.#boundaryScan = new BoundaryScan(form.kind === "file" ? "file" : "block");
    this.upload = outbox.newUpload();
  }

  /** The store refused one of its slices: no message may be made of it. */
  get isLost(): boolean {
    return this.#outbox.isLost(this.upload);
  }

  get head(): Uint8Array {
    return this.#head;
  }

  /** @param slice handed over: its memory is gone afterwards */
  add(slice: Uint8Array<ArrayBuffer>): void {
    const room = FRAGMENT_KEPT_BYTES - this.#head.length;
    if (room > 0) {
      this.#head = new Uint8Array(Buffer.concat([this.#head, slice.subarray(0, room)]));
    }
    this.#find(this.#isOpaque ? [] : this.#boundaryScan.push(slice));
    this.#lag(slice);
    if (!this.isLost) this.#outbox.stage(this.upload, this.#ordinal, slice);
    this.#ordinal += 1;
  }

  /** Adds the rest and closes the digests. */
  finish(rest: Uint8Array): LargeContent {
    if (rest.length > 0) this.add(new Uint8Array(rest));
    this.#find(this.#isOpaque ? [] : this.#boundaryScan.finish());
    this.#pass(this.#lagging);
    this.#close();
    const sha256 = this.#digest.digest();
    const scan = this.#encoding.finish();
    const { framedCount } = this.#boundaryScan;
    const whole = { sha256, head: this.#head, scan, body: EMPTY };
    const found = this.#isOpaque ? [] : this.#partsFound();
    const parts = found.flatMap((part) => {
      const isWhole = this.#form.kind === "block" && part.length === this.#position;
      const passed = isWhole ? whole : this.#passed.get(part.start);
      return passed === undefined ? [] : [{ ...part, ...passed }];
    });
    // A part without its own digest must not be acknowledged under another's.
    const untold = this.#form.kind !== "opaque" && (this.#isOpaque || parts.length < found.length);
    return { sha256, scan, parts: untold ? [] : parts, tooManyParts: untold, framedCount };
  }

  /** Takes the slices back: the block turned out too large to keep, or blank. */
  discard(): void {
    this.#outbox.unstage(this.upload);
  }

  #partsFound(): Part[] {
    const split = this.#form.kind === "file" ? filePartsOf : partsOf;
    return split(this.#boundaries, this.#position);
  }

  #find(found: readonly Boundary[]): void {
    if (this.#boundaries.length + found.length > this.#form.boundariesMaxCount) this.#giveUp();
    if (this.#isOpaque) return;
    for (const boundary of found) this.#boundaries.push(boundary);
    this.#ahead = this.#ahead.concat(found);
  }

  /** The parts are no longer told apart: the body is one, to be set aside. */
  #giveUp(): void {
    this.#isOpaque = true;
    this.#ahead = [];
    this.#open = undefined;
    this.#boundaries.length = 0;
    this.#passed.clear();
  }

  /** Lets pass what came before, but for the last bytes. */
  #lag(slice: Uint8Array): void {
    const short = slice.length < LAG_BYTES;
    const bytes = short ? Buffer.concat([this.#lagging, slice]) : slice;
    if (!short) this.#pass(this.#lagging);
    const passing = Math.max(0, bytes.length - LAG_BYTES);
    this.#pass(bytes.subarray(0, passing));
    this.#lagging = new Uint8Array(bytes.subarray(passing));
  }

  #pass(bytes: Uint8Array): void {
    let at = 0;
    let passed = 0;
    for (;;) {
      const next = this.#ahead[passed];
      const until = next === undefined ? bytes.length : next.at - this.#position + at;
      if (next === undefined || until >= bytes.length) break;
      this.#take(bytes.subarray(at, until));
      at = until;
      passed += 1;
      this.#close();
      const { at: begin, begins } = next;
      const own = { digest: createHash("sha256"), encoding: new EncodingScan() };
      const open = { at: begin, begins, own: begin === 0 ? undefined : own, head: EMPTY };
      this.#open = begins === "blank" ? undefined : open;
    }
    if (passed > 0) this.#ahead = this.#ahead.slice(passed);
    this.#take(bytes.subarray(at));
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#digest.update(bytes);
    // Of a PDF nobody asks what its bytes are (04 P42), and it would cost more than everything else here.
    if (this.#form.kind !== "opaque") this.#encoding.add(bytes);
    this.#position += bytes.length;
    const open = this.#open;
    if (open === undefined) return;
    open.own?.digest.update(bytes);
    open.own?.encoding.add(bytes);
    const room = BATCH_HEAD_BYTES - open.head.length;
    if (room > 0) open.head = Buffer.concat([open.head, bytes.subarray(0, room)]);
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const sha256 = (open.own?.digest ?? this.#digest.copy()).digest();
    const scan = (open.own?.encoding ?? this.#encoding).finish();
    const head = headOf(open.head);
    this.#headBytes += head.length;
    if (this.#headBytes > this.#form.headsMaxBytes) this.#giveUp();
    else this.#passed.set(open.at, { sha256, head, scan, body: this.#bodyOf(open) });
  }

  /** Of a file what goes to quarantine, unless it is too much. */
  #bodyOf({ at, begins, head }: Open): Uint8Array {
    if (this.#form.kind !== "file" || head.length < this.#position - at) return EMPTY;
    if (this.#asideBytes + head.length > FILE_ASIDE_MAX_BYTES) return EMPTY;
    const isAside = begins === "leftover" || (begins === "MSH" && this.#form.isBad(head));
    if (!isAside) return EMPTY;
    this.#asideBytes += head.length;
    return new Uint8Array(head);
  }
}

const EMPTY = Buffer.alloc(0);
const MESSAGE_TYPE_FIELD = 9;

/** The segment at the beginning, copied out of a larger piece of memory. */
function headOf(head: Buffer): Uint8Array {
  const end = head.findIndex((byte) => byte === 0x0d || byte === 0x0a);
  const segment = end === -1 ? head : head.subarray(0, end);
  const reading = readMsh(segment);
  const type = reading.kind === "batch" ? undefined : reading.msh?.component(MESSAGE_TYPE_FIELD);
  const isAck = /^(?:ACK|MCF)$/.test(Buffer.from(type ?? []).toString("latin1"));
  return new Uint8Array(isAck ? head.subarray(0, ACKNOWLEDGMENT_HEAD_BYTES) : segment);
}
