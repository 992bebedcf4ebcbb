/** A message table as Windows reads it (`MESSAGE_RESOURCE_DATA` of winnt.h): what the Event Log shows, by number. @module */

export interface TableMessage {
  readonly id: number;
  /** `%1` stands for the text of the entry. */
  readonly text: string;
}

const COUNT_BYTES = 4;
const BLOCK_BYTES = 12;
const ENTRY_HEAD_BYTES = 4;
/** `MESSAGE_RESOURCE_UNICODE` */
const UNICODE = 1;

/** @param messages by rising numbers, without a gap: one block of the table */
export function messageTable(messages: readonly TableMessage[]): Uint8Array {
  const [low = 0, high = 0] = [messages[0]?.id, messages.at(-1)?.id];
  const head = Buffer.alloc(COUNT_BYTES + BLOCK_BYTES);
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(low, COUNT_BYTES);
  head.writeUInt32LE(high, COUNT_BYTES + 4);
  head.writeUInt32LE(head.length, COUNT_BYTES + 8);
  return Buffer.concat([head, ...messages.map(({ text }) => entry(text))]);
}

/** Ends in a zero, and fills whole words of four bytes. */
function entry(text: string): Buffer {
  const content = Buffer.from(`${text}\0`, "utf16le");
  const bytes = Buffer.alloc(Math.ceil((ENTRY_HEAD_BYTES + content.length) / 4) * 4);
  bytes.writeUInt16LE(bytes.length, 0);
  bytes.writeUInt16LE(UNICODE, 2);
  content.copy(bytes, ENTRY_HEAD_BYTES);
  return bytes;
}
