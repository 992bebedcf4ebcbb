/** Reads what the inbox keeps through: heads, digests, every slice (05 S16, S18); part of the walk over the store. @module */
import type { Sealer } from "../../sealing/sealer.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import { TOKEN_OF_CONTENT } from "../format/tokens.ts";
import type { Prepared } from "../writing/prepared.ts";
import { digestBody } from "./inbox-bodies.ts";
import { headOf, rowAt } from "./inbox-rows.ts";

/** A row of the inbox that does not open, or is not what was stored. */
export interface DamagedInboxRow {
  readonly kind: "inbox";
  readonly id: number;
  /** The number of the downstream channel, which is none of the outbox. */
  readonly channel: number;
  /** Its name. */
  readonly name: string;
  readonly epoch: bigint;
  readonly seq: bigint;
}

export interface InboxWalkParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
}

/** Rows that are looked up at once: a millisecond. */
const PAGE_ROWS = 200;
const ROW_BYTES = 256;

/** Every kept message. @param onRow called for each, with whether it is sound and the bytes of its body */
export function* walkInbox(
  parts: InboxWalkParts,
  onRow: (bytes: number, damaged: DamagedInboxRow | undefined) => void,
): Generator<number, void> {
  for (let after = 0; ; ) {
    const ids = parts.prepared.inboxKept.all(after, PAGE_ROWS) as number[];
    const last = ids.at(-1);
    if (last === undefined) return;
    for (const id of ids) {
      const sound = yield* isInboxSound(parts, id);
      const row = readUnlessCorrupt(() => rowAt(parts, id));
      // Pruned meanwhile, it owes nothing any more.
      if (row?.kept === false) continue;
      onRow(row?.length ?? 0, sound ? undefined : damagedRow(parts, id));
    }
    after = last;
    yield ids.length * ROW_BYTES;
  }
}

/** Whether a message's head opens, is the one that its row speaks of, and has the bytes of its digest. */
export function* isInboxSound(parts: InboxWalkParts, id: number): Generator<number, boolean> {
  const row = readUnlessCorrupt(() => rowAt(parts, id));
  const head = row === undefined ? undefined : headOf(parts, row);
  if (row === undefined || head === undefined) return false;
  const sha256 = new Uint8Array(head.sha256);
  const token = parts.sealer.token(TOKEN_OF_CONTENT, sha256);
  if (Buffer.compare(row.contentToken, token) !== 0) return false;
  const digest = yield* digestBody(parts, { body: id, length: row.length });
  return digest !== undefined && Buffer.compare(digest.digest(), sha256) === 0;
}

function damagedRow(parts: InboxWalkParts, id: number): DamagedInboxRow {
  const row = readUnlessCorrupt(() => rowAt(parts, id));
  const { channel = 0, epoch = 0n, seq = 0n } = row ?? {};
  const name = readUnlessCorrupt(
    () => parts.prepared.inboxChannelName.get(channel) as string | undefined,
  );
  return { kind: "inbox", id, channel, name: name ?? "", epoch, seq };
}
