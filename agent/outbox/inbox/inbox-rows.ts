/** Rows of the inbox, opened: where a channel stands, what is said of a message. @module */
import type { MessageIdentity } from "../format/record.ts";
import { type RecordFields, readRecord, recordHead } from "../format/record.ts";
import type { BodyParts } from "./inbox-bodies.ts";

/** A downstream channel. */
export interface InboxChannel {
  readonly id: number;
  readonly name: string;
  epoch: bigint;
  lastSeq: bigint;
  /** Null after a SKIP that could not name it, or where the kept one does not open. */
  chain: Uint8Array | null;
  /** Messages up to here may have been delivered by a store that was replaced by this one. */
  readonly repeatThrough: bigint;
}

export function channelAt({ prepared, sealer }: BodyParts, name: string): InboxChannel | undefined {
  const row = prepared.inboxChannelAt.get(name) as
    | [bigint, bigint, bigint, Uint8Array | null, bigint]
    | undefined;
  if (row === undefined) return undefined;
  const [id, epoch, lastSeq, sealed, repeatThrough] = row;
  const channel = Number(id);
  const place = { column: "inbox_channel.chain", channel, row: epoch } as const;
  const plain = sealed === null ? undefined : sealer.open(sealed, place);
  const chain = plain === undefined ? null : new Uint8Array(plain);
  return { id: channel, name, epoch, lastSeq, chain, repeatThrough };
}

/** Writes where it stands now. */
export function moveChannel({ prepared, sealer }: BodyParts, channel: InboxChannel): void {
  const { id, epoch, lastSeq, chain } = channel;
  const place = { column: "inbox_channel.chain", channel: id, row: epoch } as const;
  const sealed = chain === null ? null : sealer.seal([chain], place);
  prepared.inboxChannelMove.run(epoch, lastSeq, sealed, id);
}

/** The message of a channel that has not ended; one at most. */
export interface PartialRow extends MessageIdentity {
  /** Of its slices, and of its row in `inbox` when it ends. */
  readonly id: number;
  readonly total: number;
  readonly durable: number;
  /** `undefined`: it does not open. */
  readonly sha256: Uint8Array | undefined;
}

export function partialOf(
  { prepared, sealer }: BodyParts,
  channel: number,
): PartialRow | undefined {
  const row = prepared.inboxPartialOf.get(channel) as
    | [bigint, bigint, bigint, bigint, bigint, Uint8Array]
    | undefined;
  if (row === undefined) return undefined;
  const [id, epoch, seq, total, durable, sealed] = row;
  const place = { column: "inbox_partial.head", channel, row: id } as const;
  const sha256 = sealer.open(sealed, place);
  return {
    ...{ id: Number(id), epoch, seq, total: Number(total), durable: Number(durable) },
    sha256: sha256 === undefined ? undefined : new Uint8Array(sha256),
  };
}

/** What of a message is sealed beside its bytes. */
export interface InboxHead extends MessageIdentity {
  readonly sha256: Uint8Array;
  readonly chain: Uint8Array | null;
  readonly replaces: MessageIdentity | null;
  readonly meta: string;
}

const NOTHING = new Uint8Array(0);

/** @param meta any text: kept as UTF-8, in the record one character a byte */
export function sealHead(
  { sealer }: BodyParts,
  { channel, id }: { readonly channel: number; readonly id: number },
  { epoch, seq, sha256, chain, replaces, meta }: InboxHead,
): Buffer {
  const head = recordHead({
    ...{ identity: { epoch, seq }, sha256, chain: chain ?? NOTHING },
    replaces: replaces ?? undefined,
    attributes: Buffer.from(meta).toString("latin1"),
    ...{ controlId: NOTHING, source: "", body: NOTHING },
  });
  return sealer.seal([head], { column: "inbox.head", channel, row: id });
}

/** A row of `inbox`. */
export interface InboxRow extends MessageIdentity {
  readonly id: number;
  readonly channel: number;
  readonly length: number;
  readonly state: number;
  readonly kept: boolean;
  readonly possibleRepeat: boolean;
  readonly code: string | null;
  readonly flags: string;
  readonly contentToken: Uint8Array;
  readonly head: Uint8Array | null;
  readonly answer: Uint8Array | null;
}

type RowColumns = [
  ...[bigint, bigint, bigint, bigint, bigint, bigint, bigint, string | null, string],
  ...[Uint8Array, Uint8Array | null, Uint8Array | null],
];

export function rowAt({ prepared }: Pick<BodyParts, "prepared">, id: number): InboxRow | undefined {
  const columns = prepared.inboxAt.get(id) as RowColumns | undefined;
  if (columns === undefined) return undefined;
  const [channel, epoch, seq, length, state, kept, possibleRepeat, code, flags] = columns;
  const [contentToken, head, answer] = [columns[9], columns[10], columns[11]];
  return {
    ...{ id, channel: Number(channel), epoch, seq, length: Number(length), state: Number(state) },
    ...{ kept: kept === 1n, possibleRepeat: possibleRepeat === 1n },
    ...{ code, flags, contentToken, head, answer },
  };
}

/** @returns `undefined` where it does not open, or is another message's */
export function headOf(
  { sealer }: Pick<BodyParts, "sealer">,
  row: InboxRow,
): RecordFields | undefined {
  const { id, channel, epoch, seq, head } = row;
  if (head === null) return undefined;
  const plain = sealer.open(head, { column: "inbox.head", channel, row: id });
  const record = plain === undefined ? undefined : readRecord(plain, 0);
  const isIt = record?.identity.epoch === epoch && record.identity.seq === seq;
  return isIt ? record : undefined;
}
