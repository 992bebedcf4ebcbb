/** Memory that is given back at once: waiting for the collector, a stream of slices would hold a hundred MiB. @module */

/** Frees what `bytes` lie in, if it is theirs alone; they must not be read afterwards. */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  // A small Buffer shares its memory with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
