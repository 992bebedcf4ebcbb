/** The control id of a message that is to go down: it stands in its bytes alone. @module */
import { CONTROL_ID_HEAD_BYTES, controlIdOf } from "#reconcile/control-id.ts";
import type { OutgoingPlace, OutgoingStore } from "../store/outgoing.ts";

/** @returns as Latin-1; null where there is none, or the bytes were pruned */
export async function readControlId(
  store: OutgoingStore,
  place: OutgoingPlace,
): Promise<string | null> {
  const range = { from: 0, maxBytes: CONTROL_ID_HEAD_BYTES };
  return controlIdOf(await store.readOutgoingBody({ ...place, ...range }));
}
