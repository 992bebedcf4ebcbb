/**
 * Bodies of one commit, one behind another, in one row a channel.
 *
 * A row for each body would cost a b-tree insert and a quarter of a page each; at a hundred messages a
 * commit that was a third of the time. A segment holds consecutive seqs of one channel, so that it can
 * be pruned as soon as the last of them may go.
 *
 * @module
 */
import { SEGMENT_MAX_BYTES } from "../limits.ts";
import type { Prepared } from "./prepared.ts";

/** Where a body is: `message.body` and `message.body_at`. */
export interface BodyPlace {
  readonly segment: number;
  readonly at: number;
}

interface OpenSegment {
  readonly id: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

export class Segments {
  readonly #prepared: Prepared;
  #nextId: number;
  /** By channel: the segment that this transaction is filling. */
  readonly #open = new Map<number, OpenSegment>();

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
    this.#nextId = ((prepared.segmentLast.get() as number | null) ?? 0) + 1;
  }

  /** Takes one body of the open transaction. @param body a view that stays valid until `flush` */
  add(channel: number, body: Uint8Array): BodyPlace {
    let segment = this.#open.get(channel);
    if (segment !== undefined && segment.bytes + body.length > SEGMENT_MAX_BYTES) {
      this.#write(segment);
      segment = undefined;
    }
    if (segment === undefined) {
      segment = { id: this.#nextId++, parts: [], bytes: 0 };
      this.#open.set(channel, segment);
    }
    const at = segment.bytes;
    segment.parts.push(body);
    segment.bytes += body.length;
    return { segment: segment.id, at };
  }

  /** Writes what is open; call once, before the commit. */
  flush(): void {
    for (const segment of this.#open.values()) this.#write(segment);
    this.#open.clear();
  }

  /** The transaction failed: nothing of it is kept. An id that was skipped stays unused. */
  rollback(): void {
    this.#open.clear();
  }

  #write({ id, parts, bytes }: OpenSegment): void {
    const only = parts.length === 1 ? parts[0] : undefined;
    this.#prepared.segmentInsert.run(id, only ?? Buffer.concat(parts, bytes));
  }
}
