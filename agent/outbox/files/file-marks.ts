/**
 * What an append does to the row of the file that its entries came in, inside the writer's transaction (04 P24).
 *
 * A file's entries are stored all or none, and only while its row is `claimed`: an append that comes after its
 * caller has gone (03 A9), or twice, stores nothing more.
 *
 * @module
 */
import type { ClaimMark, ClaimVerdict } from "../../ingest/file-drop/claims.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import type { ChannelTail } from "../epochs/channel-tails.ts";
import {
  type BlockSize,
  blocksOfFiles,
  type PackedBatch,
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
 * Why entries of a file are not stored. `repeat`: they were, with this row. `ended`: the row is not open, and they
 * were not, or others were. `full`: quarantine has no room for all that has to go there.
 */
export type Barred = "repeat" | "ended" | "full";

/** One append of a file. */
interface Run {
  readonly mark: ClaimMark;
  readonly channel: number;
  readonly barred: Barred | undefined;
  readonly atMs: number;
  messageCount: number;
  asideCount: number;
  /** Messages that are new, which lie behind one another, and the last of them. */
  storedCount: bigint;
  lastSeq: bigint;
  /** A block found no room after all. */
  isShort: boolean;
}

export class FileMarks {
  readonly #parts: FileMarksParts;
  /** What the appends that are to come want set aside. */
  #expected: BlockSize[][] = [];
  #run: Run | undefined;
  /** Of this transaction, by number: those whose rows become committed with it. */
  readonly #taken = new Map<number, Run>();

  constructor(parts: FileMarksParts) {
    this.#parts = parts;
  }

  /** The entries of a batch come next. */
  expect(batch: PackedBatch): void {
    this.#expected = [...blocksOfFiles(batch)];
  }

  /** Whether an entry must not be stored, and why. To be called for each entry with a mark. */
  barred(entry: TicketedEntry, mark: ClaimMark): Barred | undefined {
    if (this.#run?.mark !== mark) this.#run = this.#begin(entry, mark);
    return this.#run.barred;
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

  /** Writes the rows; call once, before the commit. */
  flush(): void {
    for (const run of this.#taken.values()) if (!run.isShort) this.#commit(run);
    this.rollback();
  }

  /** Nothing of the transaction is kept. */
  rollback(): void {
    this.#taken.clear();
    this.#run = undefined;
    this.#expected = [];
  }

  #begin(entry: TicketedEntry, mark: ClaimMark): Run {
    const { channel, receivedAtMs: atMs } = entry;
    const blocks = this.#expected.shift() ?? [];
    const barred = this.#barredFor(channel, mark, blocks);
    const counts = { messageCount: 0, asideCount: 0, storedCount: 0n, lastSeq: 0n };
    const run = { mark, channel, barred, atMs, ...counts, isShort: false };
    if (barred === undefined) this.#taken.set(mark.id, run);
    return run;
  }

  #barredFor(channel: number, mark: ClaimMark, blocks: readonly BlockSize[]): Barred | undefined {
    const { prepared, sealer, quarantine } = this.#parts;
    const before = this.#taken.get(mark.id);
    if (before !== undefined) {
      return Buffer.compare(before.mark.contentKey, mark.contentKey) === 0 ? "repeat" : "ended";
    }
    const row = prepared.fileAt.get(mark.id, channel) as FileColumns | undefined;
    if (row === undefined) return "ended";
    const [state, verdict, content] = [row[3], row[8], row[13]];
    if (state === FILE_STATE.claimed) {
      const hasRoom = blocks.length === 0 || quarantine.makeRoom(channel, blocksRoom(blocks));
      return hasRoom ? undefined : "full";
    }
    const wasSent = verdict === "sent" || verdict === "partial";
    const isSame =
      content !== null && Buffer.compare(content, contentToken(sealer, mark.contentKey)) === 0;
    return wasSent && isSame ? "repeat" : "ended";
  }

  #commit({ mark, channel, atMs, messageCount, asideCount, storedCount, lastSeq }: Run): void {
    const { prepared, sealer, tailOf } = this.#parts;
    const { id, sha256, contentKey } = mark;
    const tail = tailOf(channel);
    if (tail === undefined) throw new RangeError(`Cannot commit a file of channel ${channel}`);
    const { epoch } = tail;
    const verdict: ClaimVerdict = asideCount > 0 ? "partial" : "sent";
    const own =
      storedCount === 0n ? [null, null, null] : [epoch, lastSeq - storedCount + 1n, lastSeq];
    // Where all were repeats, the first copies stand before what is the last message now.
    const waitSeq = storedCount === 0n ? tail.lastSeq : lastSeq;
    const { changes } = prepared.fileCommit.run(
      verdict,
      atMs,
      contentToken(sealer, contentKey),
      sealDigest(sealer, { id, channel }, [sha256, contentKey]),
      messageCount,
      asideCount,
      ...own,
      epoch,
      waitSeq,
      id,
      channel,
    );
    if (changes !== 1) throw new RangeError(`Cannot commit the file of claim row ${id}`);
  }
}
