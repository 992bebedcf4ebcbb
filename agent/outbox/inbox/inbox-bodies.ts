/**
 * The bytes of inbox messages: sealed slices, all of one length but the last.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { AgentError } from "../../errors.ts";
import { freeMemory } from "../../host/free-memory.ts";
import { SLICE_BYTES, UPLOAD_STEP_SLICES } from "../../limits.ts";
import type { SealPlace } from "../../sealing/seal-place.ts";
import type { Sealer } from "../../sealing/sealer.ts";
import { readUnlessCorrupt } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";

/** More than any body has slices. */
export const SLICES_MAX_COUNT = 2 ** 31;

/** What is needed to read and write them. */
export interface BodyParts {
  readonly prepared: Prepared;
  readonly sealer: Sealer;
}

const placeOf = (body: number, ordinal: number): SealPlace => ({
  column: "inbox_slice.bytes",
  channel: 0,
  row: body,
  extra: ordinal,
});

/**
 * Puts bytes behind those that a body has; inside the caller's transaction.
 *
 * @param from how many it has
 * @throws {AgentError} `STORE_BODY_DAMAGED` if a slice that is not full does not open
 */
export function appendBody(parts: BodyParts, body: number, from: number, bytes: Uint8Array): void {
  const { prepared, sealer } = parts;
  let ordinal = Math.floor(from / SLICE_BYTES);
  const heldBytes = from - ordinal * SLICE_BYTES;
  let held = heldBytes === 0 ? NOTHING : readSlice(parts, body, ordinal);
  if (held?.length !== heldBytes) throw damaged(body);
  for (let at = 0; at < bytes.length; ordinal++) {
    const fresh = bytes.subarray(at, at + SLICE_BYTES - held.length);
    const sealed = sealer.seal([held, fresh], placeOf(body, ordinal));
    prepared.inboxSliceInsert.run(body, ordinal, sealed);
    freeMemory(sealed);
    at += fresh.length;
    held = NOTHING;
  }
}

const NOTHING = new Uint8Array(0);

/** @returns `undefined` if it is not there, or does not open */
export function readSlice(
  { prepared, sealer }: BodyParts,
  body: number,
  ordinal: number,
): Buffer | undefined {
  const { inboxSliceRead } = prepared;
  const sealed = readUnlessCorrupt(
    () => inboxSliceRead.get(body, ordinal) as Uint8Array | undefined,
  );
  return sealed === undefined ? undefined : sealer.open(sealed, placeOf(body, ordinal));
}

/** Bytes of a body from `from` on to the end of their slice; `undefined` if they cannot be read. */
export function bodyPiece(parts: BodyParts, body: number, from: number): Buffer | undefined {
  const ordinal = Math.floor(from / SLICE_BYTES);
  const slice = readSlice(parts, body, ordinal);
  const skip = from - ordinal * SLICE_BYTES;
  return slice === undefined || slice.length <= skip ? undefined : slice.subarray(skip);
}

/** A body as it is read through. */
export interface BodyToRead {
  readonly body: number;
  readonly length: number;
}

/** Digests a body in pieces, each yielded as its length. @returns `undefined` if it is not whole */
export function* digestBody(
  parts: BodyParts,
  { body, length }: BodyToRead,
): Generator<number, Hash | undefined> {
  const digest = createHash("sha256");
  for (let done = 0; done < length; ) {
    const piece = bodyPiece(parts, body, done);
    if (piece === undefined || done + piece.length > length) return undefined;
    digest.update(piece);
    done += piece.length;
    yield piece.length;
  }
  return digest;
}

/**
 * Takes a body away, a large one between commits, in steps (05 S11); inside the caller's transaction.
 *
 * No page of it is read: one that is damaged would spoil the transaction.
 */
export function dropBody(prepared: Prepared, body: number, length: number): void {
  const slices = Math.ceil(length / SLICE_BYTES);
  if (slices > UPLOAD_STEP_SLICES) {
    prepared.inboxDoom.run(body);
    return;
  }
  for (let ordinal = 0; ordinal < slices; ordinal++) prepared.inboxSliceDelete.run(body, ordinal);
}

export const damaged = (id: number): AgentError => new AgentError("STORE_BODY_DAMAGED", { id });
