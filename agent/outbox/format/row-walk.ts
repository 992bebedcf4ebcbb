/**
 * Reads stored rows through: every record, its digest, every slice of it (05 S16, S18).
 *
 * SQLite's own checks see almost none of what storage does to a body; the digests see it. A walk is a
 * generator that gives the bytes of each little piece of work, so that whoever walks decides how much is
 * done between two commits. No statement stays open while it waits.
 *
 * @module
 */
import { createHash, hash } from "node:crypto";
import type { Sealer } from "../../sealing/sealer.ts";
import { type ChannelTail, standingIn } from "../epochs/channel-tails.ts";
import { type DamagedFileRow, walkFiles } from "../files/file-walk.ts";
import { type DamagedInboxRow, walkInbox } from "../inbox/inbox-walk.ts";
import { type ReadParts, readSlices } from "../reader.ts";
import { FRAGMENT_REASONS, type QuarantineReason } from "../writing/append-batch.ts";
import type { Prepared } from "../writing/prepared.ts";
import { CHAIN_START, nextChain } from "./chain.ts";
import { readUnlessCorrupt } from "./fault.ts";
import { type RecordFields, readRecord } from "./record.ts";
import { RecordReader } from "./record-reader.ts";
import { TOKEN_OF_CONTENT, TOKEN_OF_CONTROL_ID } from "./tokens.ts";

/** A row of `message`. */
export interface MessageRow {
  readonly id: number;
  readonly channel: number;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly receivedAtMs: number;
  readonly length: number;
  readonly flags: number;
  readonly segment: number;
  readonly at: number;
  readonly upload: number;
  readonly uploadAt: number;
  readonly controlToken: Uint8Array;
  readonly contentToken: Uint8Array;
}

/** A row that does not open, or is not what was stored. */
export type DamagedRow =
  | {
      readonly kind: "message";
      readonly id: number;
      readonly channel: number;
      readonly epoch: bigint;
      readonly seq: bigint;
    }
  | { readonly kind: "quarantine"; readonly id: number; readonly channel: number }
  | DamagedInboxRow
  | DamagedFileRow;

/** What a walk has seen. */
export interface WalkTotals {
  /** Messages whose bodies are kept, sound or not. */
  messages: number;
  /** Ledger entries whose bodies are pruned. */
  pruned: number;
  quarantined: number;
  /** Downstream messages whose bytes are kept. */
  inbox: number;
  /** Rows of dropped files. */
  files: number;
  /** Of bodies that were read. */
  bytes: number;
  damaged: number;
}

export interface WalkParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
  /** Asked again and again: pruning goes on while it walks. */
  readonly tails: () => ReadonlyMap<number, ChannelTail>;
}

/** Rows that are looked up at once: a millisecond. */
const PAGE_ROWS = 200;
/** What a row costs that needs no reading, so that a long ledger is passed in steps, too. */
const ROW_BYTES = 256;
/** Of a large body, at once. */
const PIECE_BYTES = 131_072;

/** Every kept row, oldest first: messages, quarantine, the inbox, dropped files. @returns what was seen */
export function* walkStore(
  parts: WalkParts,
  onDamaged: (row: DamagedRow) => void,
): Generator<number, WalkTotals> {
  const rows = { messages: 0, pruned: 0, quarantined: 0, inbox: 0, files: 0 };
  const totals = { ...rows, bytes: 0, damaged: 0 };
  const damaged = (row: DamagedRow): void => {
    totals.damaged += 1;
    onDamaged(row);
  };
  yield* walkMessages(parts, totals, damaged);
  yield* walkQuarantine(parts, totals, damaged);
  yield* walkInbox(parts, (bytes, row) => {
    totals.inbox += 1;
    totals.bytes += bytes;
    if (row !== undefined) damaged(row);
  });
  yield* walkFiles(parts, (row) => {
    totals.files += 1;
    if (row !== undefined) damaged(row);
  });
  return totals;
}

function* walkMessages(
  { prepared, sealer, tails }: WalkParts,
  totals: WalkTotals,
  onDamaged: (row: DamagedRow) => void,
): Generator<number, void> {
  // One of its own: what the relay's reader has open may have gone to another thread.
  const reading = { prepared, sealer, records: new RecordReader(prepared, sealer) };
  const chains = new ChainCheck();
  const isKept = (row: MessageRow): boolean => isKeptIn(tails(), row);
  for (let after = 0; ; ) {
    const rows = (prepared.messageWalk.all(after, PAGE_ROWS) as RowColumns[]).map(messageRow);
    const last = rows.at(-1);
    if (last === undefined) return;
    for (const row of rows) {
      if (!isKept(row)) {
        totals.pruned += 1;
        continue;
      }
      const sound = yield* isSound(reading, row, chains);
      // Pruned meanwhile, it owes nothing any more.
      if (!sound && !isKept(row)) continue;
      totals.messages += 1;
      totals.bytes += row.length;
      if (!sound) onDamaged(damagedMessage(row));
    }
    after = last.id;
    yield rows.length * ROW_BYTES;
  }
}

function* walkQuarantine(
  { prepared, sealer }: WalkParts,
  totals: WalkTotals,
  onDamaged: (row: DamagedRow) => void,
): Generator<number, void> {
  const reading = { prepared, sealer, records: new RecordReader(prepared, sealer) };
  for (let after = 0; ; ) {
    const found = prepared.quarantineWalk.all(after, PAGE_ROWS) as [number, number][];
    const last = found.at(-1);
    if (last === undefined) return;
    for (const [id, channel] of found) {
      const sound = yield* isQuarantineSound(reading, id);
      if (!sound && prepared.quarantineKept.get(id) === undefined) continue;
      totals.quarantined += 1;
      if (!sound) onDamaged({ kind: "quarantine", id, channel });
    }
    after = last[0];
    yield found.length * ROW_BYTES;
  }
}

/**
 * Whether a message's record opens, is the one that its row speaks of, and has the bytes of its digest.
 *
 * @param chains absent: one row alone, whose place among the others is not looked at
 */
export function* isSound(
  parts: ReadParts,
  row: MessageRow,
  chains?: ChainCheck,
): Generator<number, boolean> {
  const record = parts.records.read(row);
  if (record === undefined || !isOf(parts.sealer, row, record)) return false;
  if (chains?.fits(row, record) === false) return false;
  if (row.upload === 0) {
    yield row.length + ROW_BYTES;
    return isWhole(record.body, row.length, record.sha256);
  }
  const sha256 = new Uint8Array(record.sha256);
  return yield* areSlicesWhole(parts, { ...row, sha256 });
}

export function* isQuarantineSound(parts: ReadParts, id: number): Generator<number, boolean> {
  const { prepared, sealer } = parts;
  const columns = readUnlessCorrupt(() => prepared.quarantineAt.get(id) as QuarantineColumns);
  if (columns === undefined) return false;
  const [channel, reason, length, sealed, upload, uploadAt, contentToken] = columns;
  yield sealed.length + ROW_BYTES;
  const plain = sealer.open(sealed, { column: "quarantine.sealed", channel, row: id });
  const record = plain === undefined ? undefined : readRecord(plain, 0);
  if (record === undefined) return false;
  const { sha256, body } = record;
  if (Buffer.compare(contentToken, sealer.token(TOKEN_OF_CONTENT, sha256)) !== 0) return false;
  // Of a fragment a part may be kept, and the digest may speak of another one: the seal vouches for it.
  if (FRAGMENTS.includes(reason)) return true;
  if (upload === 0) return isWhole(body, length, sha256);
  return yield* areSlicesWhole(parts, {
    ...{ upload, uploadAt, length },
    sha256: new Uint8Array(sha256),
  });
}

type QuarantineColumns =
  | [number, QuarantineReason, number, Uint8Array, number, number, Uint8Array]
  | undefined;

const FRAGMENTS: readonly QuarantineReason[] = FRAGMENT_REASONS;

interface BodyInSlices {
  readonly upload: number;
  readonly uploadAt: number;
  readonly length: number;
  readonly sha256: Uint8Array;
}

/** Whether a body in slices has the digest that its record says. */
export function* areSlicesWhole(
  parts: ReadParts,
  { upload, uploadAt, length, sha256 }: BodyInSlices,
): Generator<number, boolean> {
  const digest = createHash("sha256");
  for (let done = 0; done < length; ) {
    const most = Math.min(PIECE_BYTES, length - done);
    const piece = readUnlessCorrupt(() => readSlices(parts, upload, uploadAt + done, most));
    if (piece === undefined || piece.length === 0) return false;
    digest.update(piece);
    done += piece.length;
    yield piece.length;
  }
  return Buffer.compare(digest.digest(), sha256) === 0;
}

/** The row's own words, which stand in clear, against the sealed ones. */
function isOf(sealer: Sealer, row: MessageRow, record: RecordFields): boolean {
  const content = sealer.token(TOKEN_OF_CONTENT, record.sha256);
  if (Buffer.compare(row.contentToken, content) !== 0) return false;
  if (record.controlId.length === 0) return row.controlToken.length === 0;
  return (
    Buffer.compare(row.controlToken, sealer.token(TOKEN_OF_CONTROL_ID, record.controlId)) === 0
  );
}

const isWhole = (body: Uint8Array, length: number, sha256: Uint8Array): boolean =>
  body.length === length && Buffer.compare(hash("sha256", body, "buffer"), sha256) === 0;

/** Each record's chain value follows from the one before (06 TP15): no two rows have changed places. */
export class ChainCheck {
  readonly #last = new Map<string, { readonly seq: bigint; readonly chain: Uint8Array }>();

  fits({ channel, epoch, seq }: MessageRow, { chain, sha256 }: RecordFields): boolean {
    const key = `${channel}/${epoch}`;
    const before = this.#last.get(key) ?? { seq: 0n, chain: CHAIN_START };
    this.#last.set(key, { seq, chain: new Uint8Array(chain) });
    if (before.seq + 1n !== seq) return true;
    return Buffer.compare(nextChain(before.chain, epoch, seq, sha256), chain) === 0;
  }
}

export type RowColumns = [
  ...[bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint],
  Uint8Array,
  Uint8Array,
];

export function messageRow(columns: RowColumns): MessageRow {
  const [id, channel, epoch, seq, receivedAtMs, length, flags, segment, at, upload, uploadAt] =
    columns;
  return {
    ...{ epoch, seq, controlToken: columns[11], contentToken: columns[12] },
    ...{ id: Number(id), channel: Number(channel), receivedAtMs: Number(receivedAtMs) },
    ...{ length: Number(length), flags: Number(flags) },
    ...{ segment: Number(segment), at: Number(at) },
    ...{ upload: Number(upload), uploadAt: Number(uploadAt) },
  };
}

const damagedMessage = ({ id, channel, epoch, seq }: MessageRow): DamagedRow => ({
  ...{ kind: "message", id, channel, epoch, seq },
});

function isKeptIn(tails: ReadonlyMap<number, ChannelTail>, row: MessageRow): boolean {
  const standing = standingIn(tails.get(row.channel), row.epoch);
  return standing === undefined || row.seq > standing.trimmedSeq;
}
