/** MSH-10 out of the first bytes of a message: by it `trace` finds one that nobody has read before. @module */

/** More than a header has in front of its control id. */
export const CONTROL_ID_HEAD_BYTES = 2_048;

/**
 * HL7 v2, 2.5.4: `MSH`, the field separator, and MSH-10 is the ninth field behind it.
 *
 * @returns as Latin-1, so that every byte has a character; null where there is none
 */
export function controlIdOf(head: Uint8Array): string | null {
  const text = Buffer.from(head.subarray(0, CONTROL_ID_HEAD_BYTES)).toString("latin1");
  const at = text.indexOf("MSH");
  const separator = at < 0 ? "" : text.charAt(at + 3);
  if (separator === "") return null;
  const end = text.slice(at).search(/[\r\n]/);
  const segment = end < 0 ? text.slice(at) : text.slice(at, at + end);
  return segment.split(separator)[9] ?? null;
}
