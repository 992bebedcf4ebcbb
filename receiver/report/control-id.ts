/** Control ids (MSH-10), where they may be shown (08 PL4). @module */
import { storedMetaFrom } from "#streams/sink/stored-meta.ts";
import type { Store } from "../store/store.ts";

/** Where the agent puts it, decoded as Latin-1. */
const CONTROL_ID = "hl7.controlId";
/** PL4: what fits is shown, anything else may be a name. */
const SHOWN = /^[A-Za-z0-9._-]{1,64}$/;

/** @param meta as the receiver wrote it @returns as it is stored; null where there is none */
export function controlIdIn(meta: string): string | null {
  return storedMetaFrom(meta).attributes?.[CONTROL_ID] ?? null;
}

/** @returns null also where it may not be shown */
export const shownControlId = (controlId: string | null): string | null =>
  controlId !== null && SHOWN.test(controlId) ? controlId : null;

export async function controlIdAt(
  store: Store,
  at: {
    readonly agent: number;
    readonly channel: string;
    readonly epoch: bigint;
    readonly seq: bigint;
  },
): Promise<string | null> {
  const { epoch, seq, ...where } = at;
  const [row] = await store.readMessages({
    ...{ ...where, after: { epoch, seq: seq - 1n }, upTo: { epoch, seq }, withBody: false },
  });
  return row === undefined ? null : shownControlId(controlIdIn(row.meta));
}
