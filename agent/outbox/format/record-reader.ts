/** Opens the sealed segments and gives the records in them; the last segment is kept open. @module */
import type { Sealer } from "../../sealing/sealer.ts";
import type { Prepared } from "../writing/prepared.ts";
import { readUnlessCorrupt } from "./fault.ts";
import { type MessageIdentity, type RecordFields, readRecord } from "./record.ts";

/** Which message, and where a row says that its record is. */
export interface MessagePlace extends MessageIdentity {
  readonly channel: number;
  readonly segment: number;
  readonly at: number;
}

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

  /**
   * The record of one message.
   *
   * @returns views of the opened segment, or `undefined`: it is pruned, does not open, or holds another record there
   */
  read(place: MessagePlace): RecordFields | undefined {
    const { plain } = this.#open(place.channel, place.segment);
    const record = plain === undefined ? undefined : readRecord(plain, place.at);
    const isIt = record?.identity.epoch === place.epoch && record.identity.seq === place.seq;
    return isIt ? record : undefined;
  }

  /** Forgets the plaintext that it holds: after a read its buffer may have gone to another thread. */
  forget(): void {
    this.#last = { channel: 0, id: 0, plain: undefined };
  }

  #open(channel: number, id: number): Opened {
    if (this.#last.id === id && this.#last.channel === channel) return this.#last;
    const { segmentRead } = this.#prepared;
    const sealed = readUnlessCorrupt(() => segmentRead.get(id) as Uint8Array | undefined);
    const place = { column: "segment.bytes", channel, row: id } as const;
    const plain = sealed === undefined ? undefined : this.#sealer.open(sealed, place);
    this.#last = { channel, id, plain };
    return this.#last;
  }
}
