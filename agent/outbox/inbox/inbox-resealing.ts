/** The inbox's part of sealing again what outlives a key (08 2.3): stages of `Resealing`. @module */
import type { SealPlace } from "../../sealing/seal-place.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";
import { rowAt } from "./inbox-rows.ts";

export interface InboxResealingParts {
  readonly prepared: Prepared;
  /** The last body that may be sealed with the key or an older one. */
  readonly lastBody: number;
  /** @returns `undefined`: a newer key seals it already, or it does not open and is lost either way */
  readonly again: (sealed: Uint8Array | undefined, place: SealPlace) => Uint8Array | undefined;
  /** Takes what the step at hand has to write. */
  readonly write: (write: () => void) => void;
}

/** A step's rows: about a MiB of slices, or as much as a few milliseconds allow. */
const SLICES = 8;
const HEADS = 100;
const CHAINS = 200;

/** Each gives whether there is more to do. */
export const inboxStages = (parts: InboxResealingParts): (() => boolean)[] => [
  slices(parts),
  heads(parts),
  () => partials(parts),
  () => chains(parts),
  finalChains(parts),
];

function slices({ prepared, lastBody, again, write }: InboxResealingParts): () => boolean {
  let at: readonly [body: number, ordinal: number] = [0, -1];
  return () => {
    const rows = prepared.inboxSliceSealed.all(...at, lastBody, SLICES) as [number, number][];
    for (const [body, ordinal] of rows) {
      at = [body, ordinal];
      const sealed = readOne(() => prepared.inboxSliceRead.get(body, ordinal));
      const place = { column: "inbox_slice.bytes", channel: 0, row: body, extra: ordinal } as const;
      const fresh = again(sealed, place);
      if (fresh !== undefined) write(() => prepared.inboxSliceInsert.run(body, ordinal, fresh));
    }
    return rows.length === SLICES;
  };
}

/** With what the hospital system said of the message: that may have come much later. */
function heads({ prepared, lastBody, again, write }: InboxResealingParts): () => boolean {
  let after = 0;
  return () => {
    const ids = prepared.inboxKept.all(after, HEADS) as number[];
    for (const id of ids.filter((one) => one <= lastBody)) {
      const row = readUnlessCorrupt(() => rowAt({ prepared }, id));
      if (row === undefined) continue;
      const { channel, head, answer } = row;
      const freshHead = again(head ?? undefined, { column: "inbox.head", channel, row: id });
      const freshAnswer = again(answer ?? undefined, { column: "inbox.answer", channel, row: id });
      if (freshHead === undefined && freshAnswer === undefined) continue;
      write(() => prepared.inboxReseal.run(freshHead ?? head, freshAnswer ?? answer, id));
    }
    after = ids.at(-1) ?? after;
    return ids.length === HEADS && after < lastBody;
  };
}

/** One a channel at most. */
function partials({ prepared, again, write }: InboxResealingParts): boolean {
  for (const [id, channel, sealed] of prepared.inboxPartialList.all() as [
    number,
    number,
    Uint8Array,
  ][]) {
    const fresh = again(sealed, { column: "inbox_partial.head", channel, row: id });
    if (fresh !== undefined) write(() => prepared.inboxPartialReseal.run(fresh, id));
  }
  return false;
}

function chains({ prepared, again, write }: InboxResealingParts): boolean {
  for (const [id, epoch, sealed] of prepared.inboxChannelChains.all() as [
    bigint,
    bigint,
    Uint8Array | null,
  ][]) {
    const place = { column: "inbox_channel.chain", channel: Number(id), row: epoch } as const;
    const fresh = again(sealed ?? undefined, place);
    if (fresh !== undefined) write(() => prepared.inboxChannelReseal.run(fresh, id));
  }
  return false;
}

function finalChains({ prepared, again, write }: InboxResealingParts): () => boolean {
  let at: readonly [bigint, bigint] = [0n, 0n];
  return () => {
    const rows = prepared.inboxEpochChains.all(...at, CHAINS) as [
      bigint,
      bigint,
      Uint8Array | null,
    ][];
    for (const [channel, epoch, sealed] of rows) {
      at = [channel, epoch];
      const column = "inbox_epoch.final_chain";
      const fresh = again(sealed ?? undefined, { column, channel: Number(channel), row: epoch });
      if (fresh !== undefined) write(() => prepared.inboxEpochReseal.run(fresh, channel, epoch));
    }
    return rows.length === CHAINS;
  };
}

const readOne = (read: () => unknown): Uint8Array | undefined =>
  readUnlessCorrupt(read) as Uint8Array | undefined;
