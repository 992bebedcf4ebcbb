/** What the writer says of a commit, packed so that most of it is handed over and not copied. @module */
import { backlogsOf, type ChannelTail } from "../epochs/channel-tails.ts";
import type { PackedBatch } from "./append-batch.ts";
import type { Appended } from "./appender.ts";
import type { Staged } from "./staged-bytes.ts";
import { RESULT_COLUMNS, type WriterReport } from "./writer-messages.ts";

export interface Committed {
  readonly batches: readonly PackedBatch[];
  readonly staged: readonly Staged[];
  readonly appended: readonly Appended[];
}

/** @returns the report, and the memory that goes with it to the other thread */
export function committedReport(
  tails: ReadonlyMap<number, ChannelTail>,
  { batches, staged, appended }: Committed,
): { readonly report: WriterReport; readonly transfer: ArrayBufferLike[] } {
  const results = new Float64Array(appended.length * RESULT_COLUMNS);
  const seqs = new BigInt64Array(appended.length);
  for (const [index, one] of appended.entries()) {
    results.set(
      [one.ticket, one.outcome, (one.controlIdReused ? 1 : 0) | (one.duplicate ? 2 : 0), one.id],
      index * RESULT_COLUMNS,
    );
    seqs[index] = one.seq;
  }
  const returned = batches.flatMap(({ slab, table }) => [slab.buffer, table.buffer]);
  const backlogs = backlogsOf(tails);
  return {
    report: { report: "committed", batches, staged, results, seqs, backlogs },
    transfer: [results.buffer, seqs.buffer, ...returned],
  };
}
