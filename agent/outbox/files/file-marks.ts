/**
 * What an append does to the row of the file that its entries came in, inside the writer's transaction (04 P24).
 *
 * An append is a file, or a step of one. Its entries are stored all or none, and only while the row is `claimed`
 * and says that what comes before them is stored: an append that comes after its caller has gone (03 A9), or twice,
 * stores nothing more. A file that was interrupted comes again from its beginning; what the row counts is passed over.
 *
 * @module
 */
import type { ClaimMark, ClaimVerdict } from "../../ingest/file-drop/claims.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import type { ChannelTail } from "../epochs/channel-tails.ts";
import {
  blocksOfFiles,
  type PackedBatch,
  type PlacedBlock,
  type TicketedEntry,
} from "../writing/append-batch.ts";
import type { Prepared } from "../writing/prepared.ts";
import { blocksRoom, type Quarantine } from "../writing/quarantine.ts";
import { contentToken, type FileColumns, sealDigest } from "./file-rows.ts";
import { FILE_STATE } from "./file-states.ts";

export interface FileMarksParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
  readonly quarantine: Quarantine;
  readonly tailOf: (channel: number) => ChannelTail | undefined;
}

/**
 * Why entries of a file are not stored. `repeat`: they were, with this row. `ended`: the row is not open, or not so
 * far, and they were not, or others were. `full`: quarantine has no room for all that has to go there.
 */
export type Barred = "repeat" | "ended" | "full";

/** How far a file has come. */
interface Progress {
  readonly appended: number;
  readonly messageCount: number;
  readonly asideCount: number;
  /** The row that it is counted in so far, where that is another one. */
  readonly heldBy?: number;
}

/** One append of a file. */
interface Run {
  readonly mark: ClaimMark;
  readonly channel: number;
  readonly atMs: number;
  /** Of all its entries. */
  readonly barred: Barred | undefined;
  readonly before: Progress;
  /** Its entries so far. */
  count: number;
  messageCount: number;
  asideCount: number;
  /** Messages that are new, which lie behind one another, and the last of them. */
  storedCount: bigint;
  lastSeq: bigint;
  /** A block found no room after all. */
  isShort: boolean;
}

const NOTHING: Progress = { appended: 0, messageCount: 0, asideCount: 0 };

export class FileMarks {
  readonly #parts: FileMarksParts;
  /** What the appends that are to come want set aside. */
  #expected: PlacedBlock[][] = [];
  #run: Run | undefined;

  constructor(parts: FileMarksParts) {
    this.#parts = parts;
  }

  /** The entries of a batch come next. */
  expect(batch: PackedBatch): void {
    this.#expected = [...blocksOfFiles(batch)];
  }

  /** Whether an entry must not be stored, and why. To be called for each entry with a mark, in order. */
  barred(entry: TicketedEntry, mark: ClaimMark): Barred | undefined {
    let run = this.#run;
    if (run?.mark !== mark) {
      this.#end();
      run = this.#begin(entry, mark);
      this.#run = run;
    }
    const at = mark.from + run.count;
    run.count += 1;
    return run.barred ?? (at < run.before.appended ? "repeat" : undefined);
  }

  /** A message of the append at hand is in the outbox. @param seq its number if it is new; `undefined` for a repeat */
  tookMessage(seq: bigint | undefined): void {
    const run = this.#run;
    if (run === undefined) return;
    run.messageCount += 1;
    if (seq === undefined) return;
    run.storedCount += 1n;
    run.lastSeq = seq;
  }

  /** A block of it was set aside. @param id its row of quarantine; 0 where it needs none; `undefined`: there was no room */
  tookBlock(id: number | undefined): void {
    const run = this.#run;
    if (run === undefined) return;
    run.asideCount += 1;
    if (id === undefined) run.isShort = true;
    else if (id > 0) this.#parts.prepared.fileBlockInsert.run(run.mark.id, id);
  }

  /** Writes the last row; call once, before the commit. */
  flush(): void {
    this.#end();
    this.rollback();
  }

  /** Nothing of the transaction is kept. */
  rollback(): void {
    this.#run = undefined;
    this.#expected = [];
  }

  #begin({ channel, receivedAtMs: atMs }: TicketedEntry, mark: ClaimMark): Run {
    const blocks = this.#expected.shift() ?? [];
    const counts = { count: 0, messageCount: 0, asideCount: 0, storedCount: 0n, lastSeq: 0n };
    const run = { mark, channel, atMs, ...counts, isShort: false };
    const row = this.#parts.prepared.fileAt.get(mark.id, channel) as FileColumns | undefined;
    if (row === undefined) return { ...run, barred: "ended", before: NOTHING };
    if (row[3] !== FILE_STATE.claimed) {
      return { ...run, barred: this.#barredByEnded(row, mark), before: NOTHING };
    }
    const before = this.#progressOf(row, mark);
    const isAhead = mark.from > before.appended;
    const barred = isAhead ? "ended" : this.#barredByRoom(channel, mark, before, blocks);
    return { ...run, barred, before };
  }

  /** Of a row that is not `claimed` any more. */
  #barredByEnded(row: FileColumns, mark: ClaimMark): Barred {
    const verdict = row[8];
    const wasSent = verdict === "sent" || verdict === "partial";
    return wasSent && this.#isSame(row, mark) ? "repeat" : "ended";
  }

  #barredByRoom(
    channel: number,
    { from }: ClaimMark,
    { appended }: Progress,
    blocks: readonly PlacedBlock[],
  ): Barred | undefined {
    const fresh = blocks.filter(({ place }) => from + place >= appended);
    const { quarantine } = this.#parts;
    const hasRoom =
      fresh.length === 0 ||
      quarantine.makeRoom(channel, blocksRoom(fresh, quarantine.countedUpload(channel)));
    return hasRoom ? undefined : "full";
  }

  /**
   * What is stored of this content. Had the file other content when it was read before, then its messages of that
   * time stay as they are, for they were in it; it begins anew.
   */
  #progressOf(row: FileColumns, mark: ClaimMark): Progress {
    const [messageCount, asideCount, appended] = [row[10], row[11], row[17]];
    if (appended > 0 && this.#isSame(row, mark)) return { appended, messageCount, asideCount };
    // A file of one step leaves nothing unfinished.
    return appended > 0 || mark.from > 0 || mark.isLast ? NOTHING : this.#unfinished(row, mark);
  }

  /**
   * The same content under another row, which ended before all of it was stored: its claim was withdrawn, for the disk
   * had forgotten the rename or the file had been touched, or the file was set aside and has been dropped again.
   */
  #unfinished([, , channel]: FileColumns, { contentKey }: ClaimMark): Progress {
    const { prepared, sealer } = this.#parts;
    const token = contentToken(sealer, contentKey);
    const row = prepared.fileUnfinished.get(channel, token) as FileColumns | undefined;
    if (row === undefined) return NOTHING;
    const [heldBy, messageCount, asideCount, appended] = [row[0], row[10], row[11], row[17]];
    return { appended, messageCount, asideCount, heldBy };
  }

  #takeOver(id: number, heldBy: number): void {
    const { prepared } = this.#parts;
    // Both originals stay as long as something of it is in quarantine (P30).
    prepared.fileBlockCopy.run(id, heldBy);
    prepared.fileStepMove.run(id, heldBy);
    prepared.fileTakenOver.run(heldBy);
  }

  #isSame(row: FileColumns, { contentKey }: ClaimMark): boolean {
    const content = row[13];
    const token = contentToken(this.#parts.sealer, contentKey);
    return content !== null && Buffer.compare(content, token) === 0;
  }

  /** The append is whole: its row says so. */
  #end(): void {
    const run = this.#run;
    if (run === undefined || run.barred !== undefined || run.isShort) return;
    const { mark, channel, before, count, storedCount, lastSeq } = run;
    const { prepared, sealer, tailOf } = this.#parts;
    const { id, sha256, contentKey, from, isLast } = mark;
    const tail = tailOf(channel);
    if (tail === undefined) throw new RangeError(`Cannot commit a file of channel ${channel}`);
    if (before.heldBy !== undefined) this.#takeOver(id, before.heldBy);
    const { epoch } = tail;
    const range =
      storedCount === 0n ? undefined : ([epoch, lastSeq - storedCount + 1n, lastSeq] as const);
    const messageCount = before.messageCount + run.messageCount;
    const asideCount = before.asideCount + run.asideCount;
    const content = [
      contentToken(sealer, contentKey),
      sealDigest(sealer, { id, channel }, [sha256, contentKey]),
    ] as const;
    // Where all were repeats, the first copies stand before what is the last message now.
    const waitSeq = range === undefined ? tail.lastSeq : lastSeq;
    const appended = Math.max(before.appended, from + count);
    const progress = [messageCount, asideCount, appended, epoch, waitSeq] as const;
    if (isLast) {
      const verdict: ClaimVerdict = asideCount > 0 ? "partial" : "sent";
      const own = range ?? [null, null, null];
      const values = [verdict, run.atMs, ...content, ...progress, ...own];
      refuseUnlessOne(prepared.fileCommit.run(...values, id, channel), id);
    } else {
      refuseUnlessOne(prepared.fileStep.run(...content, ...progress, id, channel), id);
      if (range !== undefined) prepared.fileStepInsert.run(id, channel, ...range);
    }
  }
}

function refuseUnlessOne({ changes }: { readonly changes: number }, id: number): void {
  if (changes !== 1) throw new RangeError(`Cannot commit the file of claim row ${id}`);
}
