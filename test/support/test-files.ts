/** Dropped files as a test claims and stores them. @module */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type {
  ClaimMark,
  DroppedFile,
  FileClaims,
  NewClaim,
} from "#agent/ingest/file-drop/claims.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { AppendEntry } from "#agent/outbox/writing/append-batch.ts";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import { latin1 } from "./messages.ts";
import { type EntryFields, entryOf, sha256 } from "./test-outbox.ts";

export interface FileFields extends Partial<Omit<DroppedFile, "name">> {
  readonly name?: string | Uint8Array;
}

export function droppedFile({ name = "a.hl7", ...more }: FileFields = {}): DroppedFile {
  const state = { size: 42, modifiedNs: 1_700_000_000_123_456_789n, inode: 77n };
  const bytes = typeof name === "string" ? latin1(name) : name;
  return { part: "data", name: bytes, ...state, ...more };
}

export const newClaim = (...files: readonly FileFields[]): NewClaim => ({
  claim: randomBytes(8).toString("hex"),
  files: (files.length === 0 ? [{}] : files).map(droppedFile),
});

/** Claims one file with its parts. @returns the number of its row */
export async function claimOne(
  files: FileClaims,
  ...parts: readonly FileFields[]
): Promise<number> {
  const [claimed] = await files.claim([newClaim(...parts)]);
  assert.ok(claimed !== undefined);
  return claimed.id;
}

/** Of a file of one step. @param content by which it is the same again */
export const markOf = (id: number, content = "content"): ClaimMark => ({
  ...{ from: 0, isLast: true },
  ...{ id, sha256: sha256(latin1(content)), contentKey: sha256(latin1(`key of ${content}`)) },
});

/** The entries of one file. */
export function entriesOf(mark: ClaimMark, ...entries: readonly EntryFields[]): AppendEntry[] {
  return entries.map((entry) => entryOf({ ...entry, claim: mark }));
}

/** Appends the entries of one file, as the doorway does. */
export function appendFile(
  outbox: Outbox,
  entries: readonly AppendEntry[],
  deadlineMs = 3_000,
): Promise<readonly AppendOutcome[]> {
  return new Promise((resolve) => outbox.append(entries, deadlineMs, resolve));
}
