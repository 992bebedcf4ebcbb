/**
 * What a source has sent, read from the bytes of its DATA frames by the layout of 06 TP8 and nothing else:
 * whether a message that was stored was sent, whole and without a hole.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { IngestItem } from "#streams/sink/sink-store.ts";

const [DATA, FIRST, LAST] = [0x05, 0x01, 0x02];
const FIXED_BYTES = 22;

interface Chunk {
  readonly stream: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly seq: bigint;
  readonly offset: number;
  readonly total: number;
  readonly payload: Uint8Array;
}

export class SentMessages {
  readonly #chunks: Chunk[] = [];

  /** Takes what went over the wire; what is no DATA frame says nothing. */
  add(wire: Uint8Array): void {
    const chunk = chunkOf(wire);
    if (chunk !== undefined) this.#chunks.push(chunk);
  }

  /** Whether `item` was sent under this seq, from FIRST to LAST, on one stream. */
  holds(seq: bigint, { body, sha256 }: IngestItem): boolean {
    if (body === null || !hash("sha256", body, "buffer").equals(sha256)) return false;
    const starts = this.#chunks.filter((chunk) => chunk.isFirst && chunk.seq === seq);
    return starts.some((start) => this.#wholeFrom(start)?.equals(body) === true);
  }

  #wholeFrom(start: Chunk): Buffer | undefined {
    const own = this.#chunks.filter(({ stream }) => stream === start.stream);
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const chunk of own.slice(own.indexOf(start))) {
      const goesOn = chunk.seq === start.seq && (chunk === start || !chunk.isFirst);
      if (!goesOn || chunk.offset !== length || chunk.total !== start.total) return undefined;
      parts.push(chunk.payload);
      length += chunk.payload.length;
      if (chunk.isLast) return length === start.total ? Buffer.concat(parts) : undefined;
    }
    return undefined;
  }
}

function chunkOf(wire: Uint8Array): Chunk | undefined {
  if (wire.length < FIXED_BYTES || wire[0] !== DATA) return undefined;
  const view = new DataView(wire.buffer, wire.byteOffset, wire.byteLength);
  const flags = view.getUint8(1);
  return {
    stream: view.getUint16(2),
    isFirst: (flags & FIRST) !== 0,
    isLast: (flags & LAST) !== 0,
    seq: view.getBigUint64(4),
    offset: view.getUint32(12),
    total: view.getUint32(16),
    payload: wire.subarray(FIXED_BYTES + view.getUint16(20)),
  };
}
