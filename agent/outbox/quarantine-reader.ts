/** What was set aside, for a person who looks at it. @module */
import { FRAGMENT_REASONS, type QuarantineReason } from "./append-batch.ts";
import type { Prepared } from "./prepared.ts";
import { readSlices } from "./reader.ts";

/** One block that was set aside. */
export interface SetAsideRow {
  readonly id: number;
  readonly channel: number;
  readonly receivedAtMs: number;
  /** When the same bytes came last; `undefined` if they came once. */
  readonly lastAtMs: number | undefined;
  readonly repeatCount: number;
  readonly reason: QuarantineReason;
  /** Of the whole block, kept or not. */
  readonly length: number;
  readonly sha256: Uint8Array;
  readonly controlId: Uint8Array;
  readonly source: string;
  /** The upload that holds the bytes, 0 if they lie in the row. */
  readonly upload: number;
  readonly uploadAt: number;
  readonly attributes: string;
  /** By which a repeat is recognised (03 D1); zeros in rows of the first schema. */
  readonly controlKey: Uint8Array;
  /** Whether all bytes of a complete block are kept, so that it can be released. */
  readonly whole: boolean;
}

/** A block with bytes of what is kept of it. */
export interface SetAsideBlock {
  readonly row: SetAsideRow;
  readonly bytes: Uint8Array;
}

type Row = [
  number,
  number,
  number,
  number | null,
  number,
  QuarantineReason,
  number,
  Uint8Array,
  Uint8Array,
  string,
  number,
  number,
  string,
  number,
  Uint8Array,
];

const FRAGMENTS: readonly string[] = FRAGMENT_REASONS;

/** Rows before `beforeId`, newest first. */
export function listQuarantine(prepared: Prepared, beforeId: number, count: number): SetAsideRow[] {
  return (prepared.quarantineList.all(beforeId, count) as Row[]).map(setAsideRow);
}

/** One row, or `undefined`. */
export function quarantineRow(prepared: Prepared, id: number): SetAsideRow | undefined {
  const [row] = listQuarantine(prepared, id + 1, 1);
  return row?.id === id ? row : undefined;
}

/** The bytes that are kept of a block, from `from` on, at most `maxBytes`. */
export function quarantineBytes(
  prepared: Prepared,
  { id, upload, uploadAt, length }: SetAsideRow,
  from: number,
  maxBytes: number,
): Uint8Array {
  if (upload === 0) {
    const kept = prepared.quarantineBytes.get(id) as Uint8Array | undefined;
    return new Uint8Array(kept?.subarray(from, from + maxBytes) ?? []);
  }
  const end = Math.min(length, from + maxBytes);
  return readSlices(prepared, upload, uploadAt + from, Math.max(0, end - from));
}

function setAsideRow(row: Row): SetAsideRow {
  const [id, channel, receivedAtMs, lastAtMs, repeatCount, reason, length] = row;
  const [sha256, controlId, source, upload, uploadAt, attributes, keptBytes, controlKey] =
    row.slice(7) as [Uint8Array, Uint8Array, string, number, number, string, number, Uint8Array];
  return {
    id,
    channel,
    receivedAtMs,
    lastAtMs: lastAtMs ?? undefined,
    repeatCount,
    reason,
    length,
    sha256: new Uint8Array(sha256),
    controlId: new Uint8Array(controlId),
    source,
    upload,
    uploadAt,
    attributes,
    controlKey: new Uint8Array(controlKey),
    whole: !FRAGMENTS.includes(reason) && (upload !== 0 || keptBytes === length),
  };
}
