/** Opens the sealed segments and gives the records in them; the last segment is kept open. @module */
import type { Sealer } from "../sealing/sealer.ts";
import type { Prepared } from "./prepared.ts";
import { type RecordFields, readRecord } from "./record.ts";

interface Opened {
  readonly channel: number;
  readonly id: number;
  readonly plain: Buffer | undefined;
}

export class RecordReader {
  readonly #prepared: Prepared;
  readonly #sealer: Sealer;
  #last: Opened = { channel: 0, id: 0, plain: undefined };

  constructor(prepared: Prepared, sealer: Sealer) {
    this.#prepared = prepared;
    this.#sealer = sealer;
  }

  /** @returns views of the opened segment, or `undefined`: it is pruned, does not open, or holds no record there */
  read(channel: number, segment: number, at: number): RecordFields | undefined {
    const { plain } = this.#open(channel, segment);
    return plain === undefined ? undefined : readRecord(plain, at);
  }

  /** Forgets the plaintext that it holds: after a read its buffer may have gone to another thread. */
  forget(): void {
    this.#last = { channel: 0, id: 0, plain: undefined };
  }

  #open(channel: number, id: number): Opened {
    if (this.#last.id === id && this.#last.channel === channel) return this.#last;
    const sealed = this.#prepared.segmentRead.get(id) as Uint8Array | undefined;
    const place = { column: "segment.bytes", channel, row: id } as const;
    const plain = sealed === undefined ? undefined : this.#sealer.open(sealed, place);
    this.#last = { channel, id, plain };
    return this.#last;
  }
}
