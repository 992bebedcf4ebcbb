/**
 * The body of a stored message, verified on its way out: SHA-256 at every hand-over (01).
 *
 * @module
 */
import { createHash, hash } from "node:crypto";
import { ReceiverError } from "../errors.ts";
import { BODY_SLICE_MAX_BYTES } from "../limits.ts";
import type { MessageRecord, Store } from "../store/store.ts";
import type { OutletChannel } from "./event.ts";

type Reads = Pick<Store, "readBody">;

const EMPTY_SHA256 = hash("sha256", "", "buffer");

/**
 * The slices of a body. The last one is given only when all of them together are what was stored.
 *
 * @throws {ReceiverError} `OUTLET_BODY_DAMAGED`
 */
export async function* slicesOf(
  store: Reads,
  channel: OutletChannel,
  message: MessageRecord,
): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  let held: Uint8Array | undefined;
  let bytes = 0;
  for await (const slice of storedSlices(store, channel, message)) {
    if (held !== undefined) yield held;
    held = slice;
    bytes += slice.length;
    digest.update(slice);
  }
  if (bytes !== message.bytes || digest.digest().compare(message.sha256) !== 0) {
    throw new ReceiverError("OUTLET_BODY_DAMAGED", {
      facts: { agent: channel.agent, epoch: message.epoch, seq: message.seq },
    });
  }
  if (held !== undefined) yield held;
}

/** @returns whether the body was pruned: the row is there, and nothing of its bytes */
export async function isGone(
  store: Reads,
  channel: OutletChannel,
  message: MessageRecord,
): Promise<boolean> {
  if (EMPTY_SHA256.compare(message.sha256) === 0) return false;
  if (message.body !== null) return message.body.length === 0;
  const first = await store.readBody({ ...placeOf(channel, message), from: 0, maxBytes: 1 });
  return first.length === 0;
}

async function* storedSlices(
  store: Reads,
  channel: OutletChannel,
  message: MessageRecord,
): AsyncGenerator<Uint8Array> {
  if (message.body !== null) {
    if (message.body.length > 0) yield message.body;
    return;
  }
  for (let from = 0; ; ) {
    const where = { ...placeOf(channel, message), from, maxBytes: BODY_SLICE_MAX_BYTES };
    const slice = await store.readBody(where);
    if (slice.length === 0) return;
    yield slice;
    from += slice.length;
  }
}

function placeOf({ agent, channel }: OutletChannel, { epoch, seq }: MessageRecord) {
  return { agent, channel, epoch, seq };
}
