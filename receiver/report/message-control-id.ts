/** MSH-10 out of the first bytes of a message that is to go down: the receiver does not interpret it otherwise. @module */
import type { OutgoingPlace, OutgoingStore } from "../store/outgoing.ts";

/** More than a header has in front of its control id. */
const HEAD_BYTES = 2_048;

/** @returns as Latin-1, so that every byte has a character; null where there is none, or the bytes were pruned */
export async function readControlId(
  store: OutgoingStore,
  place: OutgoingPlace,
): Promise<string | null> {
  const head = await store.readOutgoingBody({ ...place, from: 0, maxBytes: HEAD_BYTES });
  return controlIdOf(head);
}

/** HL7 v2, 2.5.4: `MSH`, the field separator, and MSH-10 is the ninth field behind it. */
export function controlIdOf(head: Uint8Array): string | null {
  const text = Buffer.from(head).toString("latin1");
  const at = text.indexOf("MSH");
  const separator = at < 0 ? "" : text.charAt(at + 3);
  if (separator === "") return null;
  const end = text.slice(at).search(/[\r\n]/);
  const segment = end < 0 ? text.slice(at) : text.slice(at, at + end);
  return segment.split(separator)[9] ?? null;
}
