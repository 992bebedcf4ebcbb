/**
 * Records of one commit, one behind another, sealed in one row a channel.
 *
 * A row and a seal for each body would cost a b-tree insert, a quarter of a page and a cipher each; at a
 * hundred messages a commit that was a third of the time. A segment holds consecutive seqs of one
 * channel, so that it can be pruned as soon as the last of them may go. It is bounded, because one bit
 * that storage flips costs all of it.
 *
 * @module
 */

import { freeMemory } from "../../host/free-memory.ts";
import { SEGMENT_MAX_BYTES } from "../../limits.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import type { Prepared } from "../writing/prepared.ts";
import { type RecordFields, recordHead } from "./record.ts";

/** Where a record is: `message.segment` and `message.record_at`. */
export interface RecordPlace {
  readonly segment: number;
  readonly at: number;
}

interface OpenSegment {
  readonly id: number;
  readonly channel: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

export class Segments {
  readonly #prepared: Prepared;
  readonly #sealer: Sealer;
  #nextId: number;
  /** By channel: the segment that this transaction is filling. */
  readonly #open = new Map<number, OpenSegment>();

  constructor(prepared: Prepared, sealer: Sealer) {
    this.#prepared = prepared;
    this.#sealer = sealer;
    // Of rows that are gone, too: an id is part of what a segment is sealed to, and never comes twice.
    this.#nextId = ((prepared.segmentSequence.get() as number | undefined) ?? 0) + 1;
  }

  /** Takes one record of the open transaction. @param fields views that stay valid until `flush` */
  add(channel: number, fields: RecordFields): RecordPlace {
    const head = recordHead(fields);
    const bytes = head.length + fields.body.length;
    let segment = this.#open.get(channel);
    if (segment !== undefined && segment.bytes + bytes > SEGMENT_MAX_BYTES) {
      this.#write(segment);
      segment = undefined;
    }
    if (segment === undefined) {
      segment = { id: this.#nextId++, channel, parts: [], bytes: 0 };
      this.#open.set(channel, segment);
    }
    const at = segment.bytes;
    segment.parts.push(head, fields.body);
    segment.bytes += bytes;
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

  #write({ id, channel, parts }: OpenSegment): void {
    const sealed = this.#sealer.seal(parts, { column: "segment.bytes", channel, row: id });
    this.#prepared.segmentInsert.run(id, sealed);
    freeMemory(sealed);
  }
}
