/**
 * Reads a large body slice by slice, and verifies it on the way: the last slice is given out only once
 * the digest over all of them fits, so that a damaged body can never be completed at the receiver (05
 * S16, 06 TP9).
 *
 * Where the receiver holds a part of it already (06 TP14), sending begins behind that part, but the digest
 * is over the whole: the part is read here, in slices. What was hashed once is not read again on the next
 * connection, so that a link that is up for seconds at a time moves bytes in each of them.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { AgentError } from "../errors.ts";
import { SLICE_BYTES } from "../limits.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { StoredMessage } from "../outbox/reader.ts";

/** The bytes of one body from its beginning on, as far as they were hashed. */
interface Hashed {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly digest: Hash;
  bytes: number;
}

export interface SlicedBody {
  readonly epoch: bigint;
  readonly message: StoredMessage;
  /** Where sending begins. */
  readonly from: number;
  /** Told when slices do not have the digest; the part that was asked for never comes. */
  readonly onDamaged: () => void;
}

const NOTHING = new Uint8Array(0);

/** Of one channel: remembers how far the message that is on its way has been hashed. */
export class SliceReader {
  readonly #outbox: Outbox;
  #hashed: Hashed | undefined;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** @returns gives the next part each time; behind the end an empty one, once the digest fits */
  open(body: SlicedBody): () => Promise<Uint8Array> {
    let at = body.from;
    return async () => {
      const part = await this.#next(body, at);
      at += part.length;
      return part;
    };
  }

  async #next(body: SlicedBody, at: number): Promise<Uint8Array> {
    const hashed = this.#hashedOf(body);
    while (hashed.bytes < at) await this.#read(body, hashed.bytes, at, hashed);
    const { length, sha256 } = body.message;
    const part = at < length ? await this.#read(body, at, length, hashed) : NOTHING;
    const isWhole = hashed.bytes < length || hashed.digest.copy().digest().equals(sha256);
    // Its last bytes stay here.
    if (!isWhole && at + part.length >= length) this.#damaged(body);
    return part;
  }

  #hashedOf({ epoch, message: { seq } }: SlicedBody): Hashed {
    const known = this.#hashed;
    if (known?.epoch === epoch && known.seq === seq) return known;
    this.#hashed = { epoch, seq, digest: createHash("sha256"), bytes: 0 };
    return this.#hashed;
  }

  async #read(body: SlicedBody, at: number, end: number, hashed: Hashed): Promise<Uint8Array> {
    const { upload, uploadAt } = body.message;
    const most = Math.min(SLICE_BYTES, end - at);
    const part = await this.#outbox.slices(upload, uploadAt + at, most);
    if (part.length === 0) this.#damaged(body);
    // A reader of the connection before may have been here meanwhile: each byte is hashed once.
    const fresh = part.subarray(Math.max(0, hashed.bytes - at));
    if (at <= hashed.bytes && fresh.length > 0) {
      hashed.digest.update(fresh);
      hashed.bytes += fresh.length;
    }
    return part;
  }

  #damaged({ message, onDamaged }: SlicedBody): never {
    this.#hashed = undefined;
    onDamaged();
    // The receiver has a part of it: a new connection makes it forget.
    throw new AgentError("STORE_BODY_DAMAGED", { seq: message.seq });
  }
}
