/**
 * One file's bytes, from the worker to the doorway: whole where it is small, and in slices that go to the store
 * while it is read where it is large (04 P22, P24).
 *
 * @module
 */
import type { AgentError } from "../../errors.ts";
import { stepFaultOf } from "../../folders/faults.ts";
import type { About, ReadOutcome } from "../../folders/messages.ts";
import { isBusy } from "../../host/platform.ts";
import { SLICE_BYTES } from "../../limits.ts";
import type { LargeBody } from "../large-body.ts";
import { beside } from "./beside.ts";
import { isFault } from "./folder-fault.ts";
import { type FileInWork, named } from "./in-work.ts";
import type { ServedParts } from "./parts.ts";

/** Should nobody say that there is room again. */
const ROOM_LOOK_MS = 1_000;

/** A file that was read and had not changed. */
export interface ReadFile {
  readonly file: FileInWork;
  readonly bytes: Uint8Array;
  readonly totalBytes: number;
  readonly large: LargeBody | undefined;
  readonly sha256: Uint8Array;
  readonly about: About;
}

export type ReadResult =
  | { readonly kind: "read"; readonly read: ReadFile }
  /** The store does not take it now: from the beginning, later. */
  | { readonly kind: "noRoom" }
  | {
      readonly kind: "not";
      readonly outcome: Exclude<ReadOutcome, { outcome: "whole" | "large" }>;
    };

/**
 * Streams a large file into the store. What was staged of it is taken back unless all of it was read and
 * nothing had changed.
 */
export async function readLarge(
  parts: ServedParts,
  file: FileInWork,
  { size, about }: Extract<ReadOutcome, { outcome: "large" }>,
): Promise<ReadResult> {
  const { hand, doorway, channel, settings } = parts;
  const { claim } = file;
  const large = doorway.newFileBody(channel, settings.content);
  let isKept = false;
  let totalBytes = 0;
  // One ahead: the worker reads while this thread digests and hands over what it read before.
  const nextPart = () => beside(hand.call("readPart", { claim, maxBytes: SLICE_BYTES }));
  try {
    for (let reading = nextPart(); ; ) {
      if (!(await hasRoom(parts, large))) {
        await hand.call("readEnd", { claim });
        return { kind: "noRoom" };
      }
      const part = await reading;
      if (part.length === 0) break;
      reading = nextPart();
      totalBytes += part.length;
      large.add(ownMemory(part));
    }
    const { sha256, outcome } = await hand.call("readEnd", { claim });
    if (outcome === "changed" || totalBytes !== size) {
      return { kind: "not", outcome: { claim, outcome: "changed" } };
    }
    isKept = true;
    const bytes = new Uint8Array(0);
    return { kind: "read", read: { file, bytes, totalBytes, large, sha256, about } };
  } catch (error) {
    if (!isFault(error, "FOLDER_FAILED")) throw error;
    return { kind: "not", outcome: await failedAt(parts, file, error) };
  } finally {
    if (!isKept) large.discard();
  }
}

/** Whether the file alone cannot be read, or its folder has failed. @throws {AgentError} what the folder has */
async function failedAt(
  { hand }: ServedParts,
  file: FileInWork,
  error: AgentError,
): Promise<Exclude<ReadOutcome, { outcome: "whole" | "large" }>> {
  const { claim } = file;
  // Lets go of the file; the fault may be its own once more.
  await hand.call("readEnd", { claim }).catch((again: unknown) => {
    if (!isFault(again, "FOLDER_FAILED") && !isFault(again, "AGENT_DEFECT")) throw again;
  });
  await hand.call("whereIs", [named(file)]);
  const fault = stepFaultOf(error);
  return { claim, outcome: isBusy({ code: fault.sysCode }) ? "busy" : "failed", ...fault };
}

/** Reads what fits into one answer; at least the first. */
export async function readSmall(
  { hand }: ServedParts,
  files: readonly FileInWork[],
  maxBytes: number,
): Promise<readonly ReadOutcome[]> {
  return await hand.call("read", { claims: files.map(named), maxBytes });
}

/** Waits until the store takes slices (05 S8). @returns false where it does not take any now, or the agent stops */
async function hasRoom(
  { doorway, stopping, room }: ServedParts,
  large: LargeBody,
): Promise<boolean> {
  const isHopeless = (): boolean => !doorway.isOpen || large.isLost || stopping.aborted;
  // The channel's own share was looked at before the claim: a file that has begun is finished.
  while (!isHopeless() && !doorway.room.mayStage(large.upload)) await room.wait(ROOM_LOOK_MS);
  return !isHopeless();
}

/** What is handed over must not share its memory with anything else. */
function ownMemory(part: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = part;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return isOwn ? new Uint8Array(buffer) : new Uint8Array(part);
}
