/**
 * What is signed: DSSE's pre-authentication encoding of type and payload.
 *
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, version 1.0.0
 * @module
 */

/**
 * `"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload`, lengths in bytes as decimal numbers.
 *
 * @param payloadType encoded as UTF-8
 * @returns a new array
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const typeLength = Buffer.byteLength(payloadType, "utf8");
  const prefix = `DSSEv1 ${typeLength} ${payloadType} ${payload.length} `;
  return new Uint8Array(Buffer.concat([Buffer.from(prefix, "utf8"), payload]));
}
