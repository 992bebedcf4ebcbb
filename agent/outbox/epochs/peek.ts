/** The beginning of one stored message, for a look that changes nothing: what cannot be read is not noted as damaged. @module */
import { readRange, readSlices } from "../reader.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import type { EpochQuestions, PeekedMessage } from "./epoch-messages.ts";

/** @returns `undefined` if its body is pruned, or does not open */
export function peekAt(
  { readParts }: Pick<GroupCommit, "readParts">,
  { channel, epoch, seq, maxBytes }: EpochQuestions["peek"]["ask"],
): PeekedMessage | undefined {
  const range = { channel, epoch, afterSeq: seq - 1n, maxCount: 1, maxBytes: 1 };
  const [message] = readRange(readParts, range).messages;
  if (message === undefined) return undefined;
  const { length, controlId, body, upload, uploadAt } = message;
  const most = Math.min(length, maxBytes);
  const bytes = body?.subarray(0, most) ?? readSlices(readParts, upload, uploadAt, most);
  if (length > 0 && bytes.length === 0) return undefined;
  return { length, controlId, bytes: new Uint8Array(bytes) };
}
