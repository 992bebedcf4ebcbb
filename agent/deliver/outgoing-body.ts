/**
 * The body of a message that goes out: what is looked at before the first byte may leave, and its bytes,
 * at hand where they are few and in slices where they are many (03 O9).
 *
 * @module
 */
import { type Msh, readMsh } from "../ingest/hl7/msh.ts";
import { SENT_CONTROL_ID_MAX_BYTES, SLICE_BYTES, SPOOL_THRESHOLD_BYTES } from "../limits.ts";
import type { Delivery, DeliveryQueue, QuarantineReason } from "./queue.ts";

const VT = 0x0b;
const FS = 0x1c;
const CONTROL_ID_FIELD = 10;

/** A message that MLLP can carry. */
export interface OutgoingBody {
  readonly id: number;
  readonly bytes: number;
  /** The whole of it, up to `SPOOL_THRESHOLD_BYTES`; of a larger one nothing is held. */
  readonly whole: Uint8Array | undefined;
  readonly msh: Msh | undefined;
  /** MSH-10; empty where there is none. */
  readonly controlId: Uint8Array;
}

export type Inspection =
  | { readonly kind: "fit"; readonly body: OutgoingBody }
  | { readonly kind: "unfit"; readonly reason: QuarantineReason };

/**
 * Reads a body once, from beginning to end.
 *
 * @param needsControlId whether a message whose MSH-10 cannot be read has to stay here: its reply could
 *   not be told from another's
 * @throws {AgentError} `STORE_BODY_DAMAGED`
 */
export async function inspect(
  queue: DeliveryQueue,
  { id, bytes }: Pick<Delivery, "id" | "bytes">,
  needsControlId: boolean,
): Promise<Inspection> {
  const keeps = Math.min(bytes, bytes <= SPOOL_THRESHOLD_BYTES ? bytes : SLICE_BYTES);
  const beginning = new Uint8Array(keeps);
  let framingBytes = false;
  for await (const { at, part } of slicesOf(queue, id, bytes)) {
    if (at < keeps) beginning.set(part.subarray(0, keeps - at), at);
    framingBytes ||= part.includes(VT) || part.includes(FS);
  }
  const reading = readMsh(beginning);
  if (reading.kind === "unreadable" && reading.reason === "wideCharacters") {
    return { kind: "unfit", reason: "wideCharacters" };
  }
  if (framingBytes) return { kind: "unfit", reason: "framingBytes" };
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  const controlId = new Uint8Array(msh?.field(CONTROL_ID_FIELD) ?? []);
  const named = controlId.length > 0 && controlId.length <= SENT_CONTROL_ID_MAX_BYTES;
  if (bytes === 0 || (needsControlId && !named)) {
    return { kind: "unfit", reason: "unreadableHeader" };
  }
  const whole = keeps === bytes ? beginning : undefined;
  return { kind: "fit", body: { id, bytes, whole, msh, controlId } };
}

/**
 * A body, part by part, in order.
 *
 * @throws {AgentError} `STORE_BODY_DAMAGED` before the last part is given
 */
export async function* slicesOf(
  queue: Pick<DeliveryQueue, "body">,
  id: number,
  bytes: number,
): AsyncGenerator<{ readonly at: number; readonly part: Uint8Array; readonly last: boolean }> {
  for (let at = 0; at < bytes; ) {
    const part = await queue.body(id, at, SLICE_BYTES);
    yield { at, part, last: at + part.length >= bytes };
    at += part.length;
  }
}
