/**
 * Reads DER (ITU-T X.690) as far as certificates and their requests need it, and nothing that is not
 * DER: what two readers could read differently is refused. `node:crypto` reads certificates for us, but
 * does not say which of their extensions are critical (07 1.8 G5), and reads no requests.
 *
 * @module
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** `[0]` and `[3]`, constructed. */
  context0: 0xa0,
  context3: 0xa3,
} as const;

export interface Element {
  /** Identifier octet; tags above 30 are refused. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly bytes: Uint8Array;
}

/**
 * Reads `bytes` as exactly one element.
 *
 * @throws {RangeError} if they are not that, in DER
 */
export function readDer(bytes: Uint8Array): Element {
  const [element, ...more] = elementsIn(bytes);
  if (element === undefined || more.length > 0) throw malformed();
  return element;
}

/**
 * The elements that a constructed one holds.
 *
 * @param tag that it must have
 * @throws {RangeError} if it has another, or its content is not DER
 */
export function childrenOf(element: Element | undefined, tag: number): readonly Element[] {
  if (element === undefined || element.tag !== tag) throw malformed();
  return elementsIn(element.content);
}

/** @returns the content of an element with this tag @throws {RangeError} if it has another */
export function contentOf(element: Element | undefined, tag: number): Uint8Array {
  if (element === undefined || element.tag !== tag) throw malformed();
  return element.content;
}

/** An object identifier in dotted decimal. @throws {RangeError} if it is none */
export function oidOf(element: Element | undefined): string {
  const content = contentOf(element, TAG.oid);
  if (content.length === 0 || content.length > 32 || ((content.at(-1) ?? 0) & 0x80) !== 0) {
    throw malformed();
  }
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw malformed();
    if ((octet & 0x80) !== 0) continue;
    if (arcs.length === 0) arcs.push(Math.min(Math.floor(arc / 40), 2));
    arcs.push(arcs.length === 1 ? arc - (arcs[0] ?? 0) * 40 : arc);
    arc = 0;
  }
  return arcs.join(".");
}

function elementsIn(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at);
    elements.push(element);
    at += element.bytes.length;
  }
  return elements;
}

function elementAt(bytes: Uint8Array, at: number): Element {
  const tag = bytes[at];
  const first = bytes[at + 1];
  // X.690 8.1.2.4: no tag that we know has a number above 30.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw malformed();
  const count = first < 0x80 ? 0 : first & 0x7f;
  // 10.1: definite lengths only; nothing that we read has 16 MiB.
  if (first === 0x80 || count > 3) throw malformed();
  let length = first < 0x80 ? first : 0;
  for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
  // 10.1: in the fewest octets.
  if (count > 0 && (length < 0x80 || length < 256 ** (count - 1))) throw malformed();
  const from = at + 2 + count;
  if (from + length > bytes.length) throw malformed();
  return {
    tag,
    content: bytes.subarray(from, from + length),
    bytes: bytes.subarray(at, from + length),
  };
}

function malformed(): RangeError {
  return new RangeError("Cannot read what is not DER");
}
