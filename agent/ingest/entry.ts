/** What the store is given of an item. @module */
import { ANONYMOUS_DUPLICATE_WINDOW_MS, CONTROL_ID_KEPT_BYTES } from "../limits.ts";
import type { AppendEntry } from "../outbox/writing/append-batch.ts";
import type { AcceptingChannel } from "./channel.ts";
import type { Item } from "./examine.ts";
import { controlKeyOf } from "./identify.ts";

const EMPTY = new Uint8Array(0);
const CONTROL_ID_FIELD = 10;

/** What is not the item's own. */
export type Circumstances = Pick<
  AppendEntry,
  | "ackOwed"
  | "attributes"
  | "claim"
  | "duplicates"
  | "receivedAtMs"
  | "source"
  | "upload"
  | "uploadBytes"
>;

export function entryOf(
  { name, id, rules }: AcceptingChannel,
  item: Item,
  circumstances: Circumstances,
): AppendEntry {
  const { msh, refusal, start, length, sha256, body } = item;
  const controlId = msh?.field(CONTROL_ID_FIELD) ?? EMPTY;
  // Without a control id two real events may have the same bytes hours apart (03 D6).
  const anonymous = refusal === undefined && controlId.length === 0;
  const windowMs = rules.duplicateWindowMs;
  return {
    ...circumstances,
    channel: id,
    quarantine: refusal,
    duplicateWindowMs: anonymous ? Math.min(windowMs, ANONYMOUS_DUPLICATE_WINDOW_MS) : windowMs,
    length,
    sha256,
    controlKey: controlKeyOf(name, msh),
    controlId: controlId.subarray(0, CONTROL_ID_KEPT_BYTES),
    body,
    uploadAt: start,
  };
}
