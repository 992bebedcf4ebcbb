/**
 * Messages and gaps as JSON, the same for polling and webhooks. Written by hand where numbers are:
 * JSON has no bigint, and epoch and seq are JSON integers of up to 63 bits. `cursor` says the same as text.
 *
 * @module
 */
import type { Place } from "../store/outlets.ts";
import type { OutletGap, OutletMessage } from "./event.ts";

const DATE_MAX_MS = 8_640_000_000_000_000;
const CURSOR = /^(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})$/;
const LARGEST = 2n ** 63n - 1n;

/** How the body of a message is given: in base64, or where it is; or it is known to be damaged. */
export type BodyFields =
  | { readonly body: string }
  | { readonly bodyUrl: string }
  | { readonly bodyDamaged: true };

/** @returns one JSON object */
export function messageJson(message: OutletMessage, body: BodyFields): string {
  const { epoch, seq, end, possibleRepeat, mediaType, source, traceparent, attributes } = message;
  const fields = {
    cursor: cursorOf(end),
    receivedAt: timeOf(message.receivedAtMs),
    storedAt: timeOf(message.storedAtMs),
    sha256: hexOf(message.sha256),
    bytes: message.bytes,
    mediaType,
    source,
    ...(traceparent === null ? {} : { traceparent }),
    attributes,
    possibleRepeat,
    ...body,
  };
  return `{"kind":"message",${nameOf(message)},"epoch":${epoch},"seq":${seq},${inner(fields)}}`;
}

/** @returns one JSON object */
export function gapJson(gap: OutletGap): string {
  const { epoch, firstSeq, lastSeq, reason, end, recordedAtMs } = gap;
  const fields = { cursor: cursorOf(end), reason, recordedAt: timeOf(recordedAtMs) };
  const range = `"epoch":${epoch},"firstSeq":${firstSeq},"lastSeq":${lastSeq}`;
  return `{"kind":"gap",${nameOf(gap)},${range},${inner(fields)}}`;
}

/** @returns `EPOCH.SEQ` */
export function cursorOf({ epoch, seq }: Place): string {
  return `${epoch}.${seq}`;
}

/** @returns undefined if `text` is no `EPOCH.SEQ` of 63-bit numbers */
export function placeOf(text: string): Place | undefined {
  const [, epochText = "", seqText = ""] = CURSOR.exec(text) ?? [];
  if (epochText === "") return undefined;
  const [epoch, seq] = [BigInt(epochText), BigInt(seqText)];
  return epoch > LARGEST || seq > LARGEST ? undefined : { epoch, seq };
}

/** RFC 3339. The agent's clock is not ours: a time beyond what a date can hold is shown as the last. */
export function timeOf(ms: number): string {
  return new Date(Math.min(ms, DATE_MAX_MS)).toISOString();
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function nameOf({ agent, channel }: OutletMessage | OutletGap): string {
  return inner({ agent, channel });
}

/** The fields of an object without its braces. */
function inner(fields: object): string {
  return JSON.stringify(fields).slice(1, -1);
}
