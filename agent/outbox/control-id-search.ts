/** Looks for a control id through all that is stored, slice by slice, so that ingest has its turn between. @module */
import { TRACE_MAX_COUNT } from "../limits.ts";
import type { TracedMessage } from "./reader.ts";
import type { WriterClient } from "./writing/writer-client.ts";

/** @returns the newest messages with this control id, newest first, at most 50 */
export async function searchControlId(
  writer: WriterClient,
  controlId: Uint8Array,
): Promise<TracedMessage[]> {
  const found: TracedMessage[] = [];
  let beforeId = Number.MAX_SAFE_INTEGER;
  while (beforeId > 0 && found.length < TRACE_MAX_COUNT) {
    const { matches, nextId } = await writer.ask("search", { controlId, beforeId });
    found.push(...matches);
    beforeId = nextId;
  }
  return found.slice(0, TRACE_MAX_COUNT);
}
