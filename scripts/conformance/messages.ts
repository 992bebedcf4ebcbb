/** Messages as a source sends them, and their chain. @module */
import { createHash } from "node:crypto";
import { chainInput } from "#protocol/chain.ts";
import type { DataFrame, MessageMeta } from "#protocol/frame.ts";
import { CHUNK_MAX_BYTES } from "#protocol/limits.ts";

export const sha256 = (body: Uint8Array): Uint8Array =>
  new Uint8Array(createHash("sha256").update(body).digest());

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "utf8"));

/** Bytes that look like no other body: the label, then a pattern of its own. */
export function bodyOf(label: string, bytes: number): Uint8Array {
  const start = bytesOf(label).subarray(0, bytes);
  const body = new Uint8Array(bytes);
  const seed = [...start].reduce((sum, byte) => (sum * 31 + byte) % 251, 7);
  for (let at = 0; at < bytes; at++) body[at] = (at * 7 + (at >>> 8) + seed) % 256;
  body.set(start);
  return body;
}

/** The chain after one more message (TP15). */
export function chained(
  chain: Uint8Array,
  epoch: bigint,
  seq: bigint,
  hash: Uint8Array,
): Uint8Array {
  return sha256(chainInput(chain, epoch, seq, hash));
}

export interface ChunkOptions {
  readonly stream?: number;
  readonly seq: bigint;
  readonly body: Uint8Array;
  readonly chunkBytes?: number;
  /** Where it begins on this connection. */
  readonly from?: number;
  readonly meta?: Partial<MessageMeta>;
}

/** The chunks of a message. */
export function chunksOf(options: ChunkOptions): DataFrame[] {
  const { stream = 1, seq, body, chunkBytes = CHUNK_MAX_BYTES, from = 0 } = options;
  const meta: MessageMeta = {
    sha256: sha256(body),
    receivedAtMs: 1_700_000_000_000,
    ...options.meta,
  };
  const frames: DataFrame[] = [];
  for (let offset = from; offset === from || offset < body.length; offset += chunkBytes) {
    const payload = body.subarray(offset, offset + chunkBytes);
    const first = offset === from;
    frames.push({
      ...{ type: "data", stream, first, seq, offset, total: body.length, payload },
      last: offset + payload.length === body.length,
      ...(first ? { meta } : {}),
    });
  }
  return frames;
}
