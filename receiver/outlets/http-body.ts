/** `GET /v1/messages/…/body`: all of a body, verified, or a range of its bytes. @module */
import { ReceiverError } from "../errors.ts";
import { BODY_SLICE_MAX_BYTES } from "../limits.ts";
import type { MessageRecord, Store } from "../store/store.ts";
import { isGone, slicesOf } from "./body.ts";
import type { OutletChannel } from "./event.ts";
import { findChannel } from "./find-channel.ts";
import { type Answer, refusal } from "./http-answer.ts";
import { BODY_PATH, problemsOf, rangeOf } from "./http-query.ts";
import { hexOf } from "./json.ts";

/**
 * @param path `TENANT`, `NAME`, `CHANNEL`, `EPOCH.SEQ`, each percent-encoded
 * @param range the header
 */
export async function answerBody(
  store: Store,
  path: readonly string[],
  range: string | undefined,
): Promise<Answer> {
  const [tenant, name, channelName, cursor] = path.map(decoded);
  const asked = BODY_PATH.safeParse({ agent: `${tenant}/${name}`, channel: channelName, cursor });
  if (!asked.success) return refusal("badRequest", {}, problemsOf(asked.error));
  const { epoch, seq } = asked.data.cursor;
  const channel = await findChannel(store, asked.data.agent, asked.data.channel);
  if (channel === undefined) return refusal("notFound");
  const [message] = await store.readMessages({
    agent: channel.agent,
    channel: channel.channel,
    after: { epoch, seq: seq - 1n },
    upTo: { epoch, seq },
    withBody: true,
  });
  if (message === undefined || (await isGone(store, channel, message))) return refusal("notFound");
  const part = rangeOf(range, message.bytes);
  if (part === undefined) {
    return refusal("rangeNotSatisfiable", { "Content-Range": `bytes */${message.bytes}` });
  }
  const headers = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    ETag: `"${hexOf(message.sha256)}"`,
    // RFC 9530: of the whole body, also where only a part is sent.
    "Repr-Digest": `sha-256=:${Buffer.from(message.sha256).toString("base64")}:`,
  };
  if (part === null) {
    const whole = { ...headers, "Content-Length": `${message.bytes}` };
    return { status: 200, headers: whole, body: slicesOf(store, channel, message) };
  }
  const { from, to } = part;
  return {
    status: 206,
    headers: {
      ...headers,
      "Content-Length": `${to - from + 1}`,
      "Content-Range": `bytes ${from}-${to}/${message.bytes}`,
    },
    body: bytesBetween(store, channel, message, part),
  };
}

async function* bytesBetween(
  store: Store,
  { agent, channel }: OutletChannel,
  { epoch, seq }: MessageRecord,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Uint8Array> {
  for (let at = from; at <= to; ) {
    const maxBytes = Math.min(to - at + 1, BODY_SLICE_MAX_BYTES);
    const slice = await store.readBody({ agent, channel, epoch, seq, from: at, maxBytes });
    if (slice.length === 0)
      throw new ReceiverError("OUTLET_BODY_DAMAGED", { facts: { epoch, seq } });
    yield slice;
    at += slice.length;
  }
}

/** What cannot be decoded stays as it is: no name has it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
