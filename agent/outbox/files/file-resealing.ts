/** Rows of dropped files outlive the key that they were sealed with (08 2.3): a stage of `Resealing`. @module */
import type { SealPlace } from "../../sealing/seal-place.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";
import type { FileColumns } from "./file-rows.ts";

export interface FileResealingParts {
  readonly prepared: Prepared;
  /** @returns `undefined`: a newer key seals it already, or it does not open and is lost either way */
  readonly again: (sealed: Uint8Array | undefined, place: SealPlace) => Uint8Array | undefined;
  /** Takes what the step at hand has to write. */
  readonly write: (write: () => void) => void;
}

/** A few milliseconds. */
const ROWS = 100;

/**
 * All rows, for what is sealed later than the claim may be with any key. Those that are claimed while it goes on
 * are sealed with the key in use.
 *
 * @returns what gives whether there is more to do
 */
export function fileStage({ prepared, again, write }: FileResealingParts): () => boolean {
  const lastId = (prepared.fileSequence.get() as number | undefined) ?? 0;
  let after = 0;
  return () => {
    const page = readUnlessCorrupt(() => prepared.fileWalk.all(after, ROWS) as FileColumns[]) ?? [];
    for (const row of page) {
      const [id, , channel] = row;
      const [head, targets, digest] = [row[14], row[15], row[16]];
      const place = (column: SealPlace["column"]): SealPlace => ({ column, channel, row: id });
      const fresh = [
        again(head, place("file_claim.head")),
        again(targets ?? undefined, place("file_claim.targets")),
        again(digest ?? undefined, place("file_claim.digest")),
      ] as const;
      if (fresh.every((one) => one === undefined)) continue;
      const [newHead = head, newTargets = targets, newDigest = digest] = fresh;
      write(() => prepared.fileReseal.run(newHead, newTargets, newDigest, id));
    }
    after = page.at(-1)?.[0] ?? after;
    return page.length === ROWS && after < lastId;
  };
}
