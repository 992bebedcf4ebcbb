/**
 * Sends settled messages again, for an operator: each is appended once more at the end of its channel,
 * under a new number and exempt from the duplicate check (03 D3).
 *
 * In steps: a selection may be everything that is kept, and ingest goes first.
 *
 * @module
 */
import type { Sealer } from "../../sealing/sealer.ts";
import { standingIn } from "../epochs/channel-tails.ts";
import { translated } from "../format/fault.ts";
import type { RecordFields } from "../format/record.ts";
import { RecordReader } from "../format/record-reader.ts";
import { isSound, type MessageRow, messageRow, type RowColumns } from "../format/row-walk.ts";
import { TOKEN_OF_CONTROL_ID } from "../format/tokens.ts";
import type { TicketedEntry } from "../writing/append-batch.ts";
import { FLAG_CONTROL_ID_REUSED, FLAG_DUPLICATE, FLAG_RELEASED } from "../writing/appender.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { COMPLETE_UPLOAD } from "../writing/uploads.ts";
import type {
  ReplayedPlace,
  ReplayRequest,
  ReplayResult,
  ReplaySelection,
  ReplayTotals,
} from "./replay-selection.ts";

/** What one step reads, looks at or appends: some milliseconds. */
const STEP_BYTES = 262_144;
const STEP_ROWS = 500;
const DAMAGED_NAMED_MAX_COUNT = 100;
/** What is known of the first copy. */
const KEPT_FLAGS = FLAG_CONTROL_ID_REUSED | FLAG_DUPLICATE | FLAG_RELEASED;
/** A copy is not remembered by its keys. */
const NO_CONTROL_KEY = new Uint8Array(8);

interface Run {
  readonly work: Generator<number, void>;
  readonly totals: ReplayTotals;
  readonly resolve: (result: ReplayResult) => void;
}

export class Replay implements Chore {
  readonly name = "replay";
  readonly #store: GroupCommit;
  readonly #onAppended: (channel: number, lastSeq: bigint) => void;
  readonly #waiting: Run[] = [];

  /** @param onAppended called after each commit */
  constructor(store: GroupCommit, onAppended: (channel: number, lastSeq: bigint) => void) {
    this.#store = store;
    this.#onAppended = onAppended;
  }

  /** Whoever asks wakes the chore. @returns when all of it is durable; never rejects */
  run(request: ReplayRequest): Promise<ReplayResult> {
    const totals: ReplayTotals = {
      ...{ looked: 0, count: 0, bytes: 0, pruned: 0, unsettled: 0, damaged: 0, damagedPlaces: [] },
      ...{ first: undefined, last: undefined, appended: undefined },
    };
    const { promise, resolve } = Promise.withResolvers<ReplayResult>();
    this.#waiting.push({ work: this.#work(request, totals), totals, resolve });
    return promise;
  }

  step(): number {
    const [run] = this.#waiting;
    if (run === undefined) return Number.POSITIVE_INFINITY;
    try {
      for (let bytes = 0; bytes < STEP_BYTES; ) {
        const piece = run.work.next();
        if (piece.done === true) return this.#end(run, undefined);
        bytes += piece.value;
      }
      return 0;
    } catch (error) {
      const { code, facts, disposition } = translated(error);
      this.#end(run, { code, facts });
      if (disposition === "halt") throw error;
      return 0;
    }
  }

  #end({ totals, resolve }: Run, fault: ReplayResult["fault"]): number {
    this.#waiting.shift();
    resolve({ ...totals, fault });
    return 0;
  }

  *#work(request: ReplayRequest, totals: ReplayTotals): Generator<number, void> {
    const { prepared, sealer } = this.#store;
    const { selection } = request;
    const { channel } = selection;
    const wants = wanted(selection, sealer);
    const reading = { prepared, sealer, records: new RecordReader(prepared, sealer) };
    let batch: Copy[] = [];
    let bytes = 0;
    const flush = (): void => {
      this.#append(batch, request, totals);
      batch = [];
      bytes = 0;
    };
    // The ends are those of now: what a replay appends is not replayed.
    for (const { epoch, first, last } of this.#ranges(selection)) {
      for (let after = first - 1n; ; ) {
        const key = [channel, epoch, after, last, STEP_ROWS];
        const rows = (prepared.messageSelect.all(...key) as RowColumns[]).map(messageRow);
        totals.looked += rows.length;
        for (const row of rows.filter(wants)) {
          if (!this.#isReplayable(row, totals)) continue;
          const sound = yield* isSound(reading, row);
          const record = sound ? reading.records.read(row) : undefined;
          if (record === undefined) {
            if (this.#isReplayable(row, totals)) noteDamaged(totals, row);
            continue;
          }
          batch.push({ row, record });
          bytes += record.body.length;
          if (bytes >= STEP_BYTES || batch.length >= STEP_ROWS) flush();
        }
        flush();
        const end = rows.at(-1);
        if (end === undefined) break;
        after = end.seq;
        yield rows.length * 256;
      }
    }
  }

  /** Counts what is left out. */
  #isReplayable({ channel, epoch, seq }: MessageRow, totals: ReplayTotals): boolean {
    const standing = standingIn(this.#store.tails.get(channel), epoch);
    if (standing === undefined || seq > standing.ackedSeq) totals.unsettled += 1;
    else if (seq <= standing.trimmedSeq) totals.pruned += 1;
    else return true;
    return false;
  }

  #append(batch: readonly Copy[], { dryRun, nowMs }: ReplayRequest, totals: ReplayTotals): void {
    // What was pruned since it was read has left its slices behind.
    const kept = batch.filter(({ row }) => {
      const standing = standingIn(this.#store.tails.get(row.channel), row.epoch);
      return standing !== undefined && row.seq > standing.trimmedSeq;
    });
    totals.pruned += batch.length - kept.length;
    if (!dryRun) this.#appendAll(kept, nowMs, totals);
    for (const { row } of kept) note(totals, row);
  }

  #appendAll(kept: readonly Copy[], nowMs: number, totals: ReplayTotals): void {
    const [one] = kept;
    if (one === undefined) return;
    const { channel } = one.row;
    const seqs: bigint[] = [];
    this.#store.appendAgain((appender, recentRow) => {
      for (const { row, record } of kept) {
        const entry = entryOf(row, record, nowMs);
        seqs.push(appender.copy(entry, recentRow, row.flags & KEPT_FLAGS).seq);
      }
    }, "messages");
    const first = seqs[0] ?? 0n;
    const last = seqs.at(-1) ?? 0n;
    const epoch = this.#store.tails.get(channel)?.epoch ?? 0n;
    if (totals.appended?.epoch === epoch) totals.appended.last = last;
    else totals.appended = { epoch, first, last };
    this.#onAppended(channel, last);
  }

  /** Where to look, oldest epoch first, up to where each stands now. */
  #ranges({ channel, epoch, seqs }: ReplaySelection): Range[] {
    const tail = this.#store.tails.get(channel);
    if (tail === undefined) return [];
    return [...tail.earlier, tail]
      .filter((one) => epoch === undefined || one.epoch === epoch)
      .map((one) => ({
        epoch: one.epoch,
        first: seqs?.first ?? 1n,
        last: seqs === undefined || seqs.last > one.lastSeq ? one.lastSeq : seqs.last,
      }));
  }
}

interface Range {
  readonly epoch: bigint;
  readonly first: bigint;
  readonly last: bigint;
}

interface Copy {
  readonly row: MessageRow;
  readonly record: RecordFields;
}

function wanted(
  { times, controlId }: ReplaySelection,
  sealer: Sealer,
): (row: MessageRow) => boolean {
  const token = controlId === undefined ? undefined : sealer.token(TOKEN_OF_CONTROL_ID, controlId);
  return ({ receivedAtMs, controlToken }) =>
    (times === undefined || (receivedAtMs >= times.fromMs && receivedAtMs <= times.toMs)) &&
    (token === undefined || Buffer.compare(token, controlToken) === 0);
}

const placeOf = ({ epoch, seq, receivedAtMs }: MessageRow): ReplayedPlace => ({
  ...{ epoch, seq, receivedAtMs },
});

function note(totals: ReplayTotals, row: MessageRow): void {
  totals.count += 1;
  totals.bytes += row.length;
  totals.first ??= placeOf(row);
  totals.last = placeOf(row);
}

function noteDamaged(totals: ReplayTotals, row: MessageRow): void {
  totals.damaged += 1;
  if (totals.damagedPlaces.length < DAMAGED_NAMED_MAX_COUNT)
    totals.damagedPlaces.push(placeOf(row));
}

/** As it came, but of now; the receiver learns which one it was. */
function entryOf(row: MessageRow, record: RecordFields, nowMs: number): TicketedEntry {
  const { channel, length, upload, uploadAt } = row;
  const { sha256, controlId, source, body } = record;
  return {
    ...{ ticket: 0, claim: undefined, quarantine: undefined, ackOwed: false },
    ...{ duplicates: "off", duplicateWindowMs: 0, controlKey: NO_CONTROL_KEY },
    ...{ channel, length, upload, uploadAt, uploadBytes: COMPLETE_UPLOAD },
    ...{ sha256, controlId, source, body, receivedAtMs: nowMs },
    attributes: replayedAttributes(record.attributes, row),
    claim: undefined,
  };
}

/** A message that is replayed again keeps the place of its first copy. */
function replayedAttributes(attributes: string, { epoch, seq, receivedAtMs }: MessageRow): string {
  const before = attributes === "" ? {} : (JSON.parse(attributes) as Record<string, string>);
  const receivedAt = new Date(receivedAtMs).toISOString();
  return JSON.stringify({
    "replay.epoch": String(epoch),
    "replay.seq": String(seq),
    "replay.receivedAt": receivedAt,
    ...before,
  });
}
