/**
 * The items of an ingest call in one buffer: a thousand small messages cross to the writer thread
 * as one transfer instead of some thousand clones.
 *
 * A body that lies in the store already is not among them: its item is alone, and `isLarge` says so.
 *
 * An item: received f64, replaces epoch u64 and seq u64 (0 and 0 for none), length of meta u32,
 * length of body u32, sha256, meta (UTF-8), body. Native byte order does not matter: all is written
 * and read by DataView, big-endian.
 *
 * @module
 */
import type { IngestItem } from "#streams/sink/sink-store.ts";

export interface PackedItems {
  readonly count: number;
  /** The one item has no body: it is the partial of its seq. */
  readonly isLarge: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const EPOCH_AT = 8;
const SEQ_AT = 16;
const META_LENGTH_AT = 24;
const BODY_LENGTH_AT = 28;
const HASH_AT = 32;
const META_AT = 64;

/** Copies `items` into new memory, which the caller may transfer. */
export function packItems(items: readonly IngestItem[]): PackedItems {
  let size = 0;
  // A character of JSON takes at most three bytes of UTF-8.
  for (const item of items) size += META_AT + item.meta.length * 3 + bodyOf(item).length;
  const buffer = Buffer.from(new ArrayBuffer(size));
  const view = new DataView(buffer.buffer);
  let at = 0;
  for (const item of items) {
    const metaLength = buffer.write(item.meta, at + META_AT, "utf8");
    view.setFloat64(at, item.receivedAtMs);
    view.setBigUint64(at + EPOCH_AT, item.replaces?.epoch ?? 0n);
    view.setBigUint64(at + SEQ_AT, item.replaces?.seq ?? 0n);
    view.setUint32(at + META_LENGTH_AT, metaLength);
    const body = bodyOf(item);
    view.setUint32(at + BODY_LENGTH_AT, body.length);
    buffer.set(item.sha256, at + HASH_AT);
    buffer.set(body, at + META_AT + metaLength);
    at += META_AT + metaLength + body.length;
  }
  const isLarge = items.some(({ body }) => body === null);
  if (isLarge && items.length > 1) throw new TypeError("Cannot ingest a large message with others");
  return { count: items.length, isLarge, bytes: new Uint8Array(buffer.buffer, 0, at) };
}

const NOTHING = new Uint8Array(0);
const bodyOf = ({ body }: IngestItem): Uint8Array => body ?? NOTHING;

/** @returns the items that were packed; hashes and bodies are views into `packed` */
export function unpackItems(packed: PackedItems): IngestItem[] {
  const { buffer, byteOffset, byteLength } = packed.bytes;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const view = new DataView(buffer, byteOffset, byteLength);
  const items: IngestItem[] = [];
  for (let at = 0; items.length < packed.count; ) {
    const seq = view.getBigUint64(at + SEQ_AT);
    const bodyAt = at + META_AT + view.getUint32(at + META_LENGTH_AT);
    const end = bodyAt + view.getUint32(at + BODY_LENGTH_AT);
    items.push({
      sha256: bytes.subarray(at + HASH_AT, at + META_AT),
      receivedAtMs: view.getFloat64(at),
      meta: bytes.toString("utf8", at + META_AT, bodyAt),
      replaces: seq === 0n ? null : { epoch: view.getBigUint64(at + EPOCH_AT), seq },
      body: packed.isLarge ? null : bytes.subarray(bodyAt, end),
    });
    at = end;
  }
  return items;
}
