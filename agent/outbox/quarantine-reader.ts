/** What was set aside, for a person who looks at it. @module */

import { type MessageIdentity, readRecord } from "./format/record.ts";
import { type ReadParts, readSlices } from "./reader.ts";
import {
  CONTROL_KEY_BYTES,
  FRAGMENT_REASONS,
  type QuarantineReason,
} from "./writing/append-batch.ts";

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
  /** The number that it had as a message which the receiver refused (06 TP31). */
  readonly replaces: MessageIdentity | undefined;
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
  number,
  number,
  number,
];

const FRAGMENTS: readonly string[] = FRAGMENT_REASONS;

/** Rows before `beforeId`, newest first. */
export function listQuarantine(parts: ReadParts, beforeId: number, count: number): SetAsideRow[] {
  const rows = parts.prepared.quarantineList.all(beforeId, count) as Row[];
  return rows.map((row) => setAside(parts, row).row);
}

/** One row with all that it keeps, or `undefined`. */
export function quarantined(parts: ReadParts, id: number): SetAsideBlock | undefined {
  const [row] = parts.prepared.quarantineList.all(id + 1, 1) as Row[];
  return row?.[0] === id ? setAside(parts, row) : undefined;
}

/** The bytes that are kept of a block, from `from` on, at most `maxBytes`. */
export function quarantineBytes(
  parts: ReadParts,
  { row, bytes }: SetAsideBlock,
  from: number,
  maxBytes: number,
): Uint8Array {
  if (row.upload === 0) return new Uint8Array(bytes.subarray(from, from + maxBytes));
  const end = Math.min(row.length, from + maxBytes);
  return readSlices(parts, row.upload, row.uploadAt + from, Math.max(0, end - from));
}

const UNREADABLE = {
  sha256: new Uint8Array(32),
  chain: new Uint8Array(32),
  controlId: new Uint8Array(0),
  source: "unreadable",
  attributes: "",
  body: new Uint8Array(0),
  replaces: undefined,
};

function setAside({ sealer }: ReadParts, row: Row): SetAsideBlock {
  const [id, channel, receivedAtMs, lastAtMs, repeatCount, reason, length, sealed] = row;
  const [keptBytes, upload, uploadAt] = [row[8], row[9], row[10]];
  const plain = sealer.open(sealed, { column: "quarantine.sealed", channel, row: id });
  const record = plain === undefined ? undefined : readRecord(plain, 0);
  // A row that does not open stays, and is shown as what it is (08 2.5).
  const { sha256, chain, controlId, source, attributes, body, replaces } = record ?? UNREADABLE;
  const whole = !FRAGMENTS.includes(reason) && (upload !== 0 || keptBytes === length);
  return {
    bytes: body,
    row: {
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
      controlKey: new Uint8Array(chain.subarray(0, CONTROL_KEY_BYTES)),
      replaces,
      whole: whole && record !== undefined,
    },
  };
}
