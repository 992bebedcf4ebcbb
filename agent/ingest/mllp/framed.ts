/** MLLP, outbound: a message in its block (HL7 MLLP Release 1). @module */

const VT = 0x0b;
const FS = 0x1c;
const CR = 0x0d;

/** One buffer for one write: simple senders read the socket once (03 A2). */
export function framed(message: Uint8Array): Buffer {
  const block = Buffer.allocUnsafe(message.length + 3);
  block[0] = VT;
  block.set(message, 1);
  block[message.length + 1] = FS;
  block[message.length + 2] = CR;
  return block;
}
