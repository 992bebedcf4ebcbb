/** Pieces of a message that has not ended, inside the writer's transaction (06 TP14, TP25). @module */
import { forgetPartial } from "./epoch-steps.ts";
import { appendBody } from "./inbox-bodies.ts";
import type { InboxPartialCall, InboxPartialResult } from "./inbox-calls.ts";
import { type PartialRow, partialOf } from "./inbox-rows.ts";
import { locate, type StepParts } from "./locate.ts";

/** A piece that was kept: for the digest that is made along. */
export interface SavedPiece {
  readonly body: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * Keeps a piece behind those that are here. What is refused stores nothing; a part of another message goes.
 *
 * @param onSaved called with what was kept
 */
export function savePartial(
  parts: StepParts,
  call: InboxPartialCall,
  onSaved: (piece: SavedPiece) => void,
): InboxPartialResult {
  const found = locate(parts, call);
  if (found.at === "refused") return { kind: found.kind };
  if (found.at === "closed") return { kind: "staleEpoch" };
  const { channel } = found;
  const { seq, totalBytes, offset, bytes } = call;
  const follows = seq === channel.lastSeq + 1n && offset + bytes.length <= totalBytes;
  if (!follows) return { kind: "restart" };
  const known = partialOf(parts, channel.id);
  const goesOn = known !== undefined && isPieceOf(known, call) && known.durable === offset;
  if (!goesOn && offset !== 0) {
    // Of another message that had this number: kept, it would be gone on with again and again.
    if (known !== undefined && !isPieceOf(known, call)) forgetPartial(parts, channel.id);
    return { kind: "restart" };
  }
  const body = goesOn && offset !== 0 ? known.id : begin(parts, channel.id, call);
  appendBody(parts, body, offset, bytes);
  const durableBytes = offset + bytes.length;
  parts.prepared.inboxPartialGrow.run(durableBytes, body);
  onSaved({ body, offset, bytes });
  return { kind: "ok", durableBytes };
}

/** Whether a partial is the beginning of the message that a call speaks of. */
export function isPieceOf(
  partial: PartialRow,
  { epoch, seq, sha256, totalBytes }: Omit<InboxPartialCall, "offset" | "bytes">,
): boolean {
  return (
    partial.epoch === epoch &&
    partial.seq === seq &&
    partial.total === totalBytes &&
    partial.sha256 !== undefined &&
    Buffer.compare(partial.sha256, sha256) === 0
  );
}

function begin(parts: StepParts, channel: number, call: InboxPartialCall): number {
  const { prepared, sealer } = parts;
  const { epoch, seq, sha256, totalBytes } = call;
  forgetPartial(parts, channel);
  const id = parts.newId();
  const place = { column: "inbox_partial.head", channel, row: id } as const;
  const head = sealer.seal([sha256], place);
  prepared.inboxPartialInsert.run(id, channel, epoch, seq, totalBytes, head);
  return id;
}
