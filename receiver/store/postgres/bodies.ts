/**
 * Bodies that lie in slices: verified before they become a message (RI1), and read again.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { IngestCall, IngestItem } from "#streams/sink/sink-store.ts";
import { BODY_CHECK_STEP_BYTES, BODY_SLICE_MAX_BYTES, SWEEP_SLICES } from "../../limits.ts";
import type { ReadBodyCall } from "../store.ts";
import type { Questions } from "./questions.ts";

const NOTHING = new Uint8Array(0);
/** Of no body: the step finds out why there is none. */
const NO_BODY = "00000000-0000-0000-0000-000000000000";

interface Slices {
  readonly agent: number;
  readonly body: string;
  readonly day: string;
}

type PartialRow = [body: string, day: string, sha256: Buffer, total: string, durable: string];

/**
 * Reads the partial that `item` stands for.
 *
 * @returns its id for the ingest step, or why it is not a body; it is forgotten then
 */
export async function verifiedBody(
  questions: Questions,
  call: IngestCall,
  item: IngestItem,
): Promise<
  { readonly body: string; readonly bytes: number } | { readonly kind: "hash" | "fenced" }
> {
  const { agent, session, channel, epoch, first } = call;
  const place = [agent, channel, epoch, first - 1n];
  const [row] = await questions.rows<PartialRow>("readPartial", place);
  if (row === undefined) return { body: NO_BODY, bytes: 0 };
  const [body, day, , total] = row;
  const digest = createHash("sha256");
  let bytes = 0;
  while (true) {
    const part = await readSlices(questions, { agent, body, day }, bytes, BODY_CHECK_STEP_BYTES);
    if (part.length === 0) break;
    digest.update(part);
    bytes += part.length;
  }
  if (bytes === Number(total) && digest.digest().compare(item.sha256) === 0) return { body, bytes };
  const values = [agent, session, channel, body];
  const [kind] = await questions.row<["hash" | "fenced"]>("refusePartial", values);
  return { kind };
}

/** See `Store.readBody`. */
export async function readBody(questions: Questions, call: ReadBodyCall): Promise<Uint8Array> {
  const { agent, channel, epoch, seq, from } = call;
  const maxBytes = Math.min(call.maxBytes, BODY_CHECK_STEP_BYTES);
  const key = [agent, channel, epoch, seq];
  const [found] = await questions.rows<[string | null, string | null, string]>("findBody", key);
  if (found === undefined) return NOTHING;
  const [body, bodyDay, day] = found;
  if (body !== null && bodyDay !== null) {
    return await readSlices(questions, { agent, body, day: bodyDay }, from, maxBytes);
  }
  // In SQL the first byte has number 1.
  const values = [...key, day, from + 1, maxBytes];
  const [row] = await questions.rows<[Buffer | null]>("readInlineBody", values);
  return row?.[0] ?? NOTHING;
}

/**
 * Deletes some slices of bodies that were given up.
 *
 * @returns whether there may be more
 */
export async function sweep(questions: Questions): Promise<boolean> {
  const deleted = await questions.rows("deleteForgottenSlices", [SWEEP_SLICES]);
  if (deleted.length > 0) return true;
  await questions.rows("deleteForgotten", []);
  return false;
}

async function readSlices(
  questions: Questions,
  { agent, body, day }: Slices,
  from: number,
  maxBytes: number,
): Promise<Uint8Array> {
  // The slice that holds `from` begins at most one slice before it.
  const values = [agent, body, day, from - BODY_SLICE_MAX_BYTES, from + maxBytes];
  const rows = await questions.rows<[start: string, bytes: Buffer]>("readSlices", values);
  let next = from;
  const parts: Buffer[] = [];
  for (const [start, bytes] of rows) {
    const end = Number(start) + bytes.length;
    if (end <= next) continue;
    // A slice that is missing ends the body here; its hash says the rest.
    if (Number(start) > next) break;
    parts.push(bytes.subarray(next - Number(start)));
    next = end;
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
}
