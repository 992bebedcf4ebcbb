/**
 * A message or a gap as bytes with headers, the same for every outlet that pushes: the body as it
 * arrived, or JSON, and beside it who it is.
 *
 * @module
 */
import type { OutletEvent, OutletMessage } from "./event.ts";
import { gapJson, hexOf, timeOf } from "./json.ts";

/** RFC 9110 section 8.3.1: what an agent calls a media type is sent only if it is one. */
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}(;[\x20-\x7e]{0,128})?$/i;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface Content {
  readonly contentType: string;
  readonly bytes: number;
  /** May be read several times. @throws {ReceiverError} as `OutletMessage.slices` */
  readonly slices: () => AsyncIterable<Uint8Array>;
}

export function contentOf(event: OutletEvent): Content {
  if (event.kind === "message") {
    const { mediaType, bytes, slices } = event;
    const isKnown = mediaType !== null && MEDIA_TYPE.test(mediaType);
    return { contentType: isKnown ? mediaType : "application/octet-stream", bytes, slices };
  }
  const json = Buffer.from(gapJson(event));
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield json;
  }
  return { contentType: "application/json", bytes: json.length, slices: whole };
}

/** A channel may be named in any script; what is not ASCII is percent-encoded (RFC 3986). */
export function channelText(event: OutletEvent): string {
  return encodeURIComponent(event.channel);
}

/** @returns header names and values, ASCII without control characters */
export function identityOf(event: OutletEvent): Record<string, string> {
  return {
    "Holdfast-Kind": event.kind,
    "Holdfast-Agent": event.agent,
    "Holdfast-Channel": channelText(event),
    "Holdfast-Epoch": `${event.epoch}`,
    ...(event.kind === "message" ? messageHeaders(event) : {}),
  };
}

function messageHeaders(message: OutletMessage): Record<string, string> {
  const { seq, sha256, receivedAtMs, storedAtMs, traceparent, possibleRepeat } = message;
  return {
    "Holdfast-Seq": `${seq}`,
    "Holdfast-Sha256": hexOf(sha256),
    "Holdfast-Received-At": timeOf(receivedAtMs),
    "Holdfast-Stored-At": timeOf(storedAtMs),
    ...(possibleRepeat ? { "Holdfast-Possible-Repeat": "true" } : {}),
    ...(traceparent !== null && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
  };
}
