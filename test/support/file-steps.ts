/** Files whose messages are stored in steps, as the doorway gives them. @module */
import assert from "node:assert/strict";
import type { ClaimMark } from "#agent/ingest/file-drop/claims.ts";
import type { AppendOutcome } from "#agent/outbox/writing/ticket-queue.ts";
import type { RoomFiles } from "./room-files.ts";
import { appendFile, entriesOf, markOf } from "./test-files.ts";
import type { EntryFields, TestOutbox } from "./test-outbox.ts";

export const STEP = 3;

/** Without any memory of repeats. */
export const message = (at: number): EntryFields => ({ controlId: `M${at}`, duplicates: "off" });
export const messages = (count: number): EntryFields[] =>
  Array.from({ length: count }, (_, at) => message(at));
export const ids = (count: number): string[] => Array.from({ length: count }, (_, at) => `M${at}`);

export interface Step {
  readonly mark: ClaimMark;
  readonly entries: readonly EntryFields[];
}

/** A file as the doorway gives it. */
export function stepsOf(
  id: number,
  entries: readonly EntryFields[],
  { size = STEP, content = "content" } = {},
): Step[] {
  const steps: Step[] = [];
  for (let from = 0; from < entries.length; from += size) {
    const isLast = from + size >= entries.length;
    const mark = { ...markOf(id, content), from, isLast };
    steps.push({ mark, entries: entries.slice(from, from + size) });
  }
  return steps;
}

export async function appendSteps(
  made: TestOutbox,
  steps: readonly Step[],
): Promise<AppendOutcome[]> {
  const outcomes: AppendOutcome[] = [];
  for (const { mark, entries } of steps) {
    outcomes.push(...(await appendFile(made.outbox, entriesOf(mark, ...entries))));
  }
  return outcomes;
}

export const commitSteps = ({ room }: RoomFiles, steps: readonly Step[]): void => {
  for (const { mark, entries } of steps) {
    assert.ok(room.commit(...entriesOf(mark, ...entries)).committed);
  }
};
