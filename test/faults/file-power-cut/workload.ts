/**
 * What is recorded for power cuts of dropped files: files are claimed, stored with their messages and moved, while
 * hospital systems send, and each promise is marked once it was made.
 *
 * Runs under `record.sh`; marks are `CLAIM`, `COMMIT` and `MOVED`, each with the claim. The store is closed and opened
 * again between phases.
 *
 * @module
 */
import { openSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { NewClaim } from "#agent/ingest/file-drop/claims.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import { appendFile, entriesOf, markOf, newClaim } from "#test/support/test-files.ts";
import { appendTo, entryOf } from "#test/support/test-outbox.ts";

export const KEK: Uint8Array = new Uint8Array(32).fill(0x5a);
const PHASES = 2;
/** Between the last answer and the closing: one that was given too early stays too early. */
const QUIET_MS = 100;

/** Control ids of a file's messages. */
export const controlIdsOf = (claim: string): string[] =>
  Array.from(
    { length: 1 + (Number.parseInt(claim.slice(0, 2), 16) % 4) },
    (_, n) => `${claim}.${n}`,
  );

const openOutbox = (stateDir: string): Promise<Outbox> =>
  Outbox.open({
    ...{ stateDir, allowVolatileState: true, channels: [{ name: "adt" }] },
    ...{ clock: systemClock, chance: systemChance, kek: { current: KEK }, retainHours: 72 },
    onFatal: (error) => {
      throw error;
    },
  });

async function takeFiles(
  outbox: Outbox,
  polls: number,
  mark: (text: string) => void,
): Promise<void> {
  const files = outbox.files.of("adt");
  for (let poll = 0; poll < polls; poll++) {
    const claims: readonly NewClaim[] = [newClaim({ name: `${poll}.hl7` }), newClaim()];
    const claimed = await files.claim(claims);
    for (const { claim } of claims) mark(`CLAIM ${claim}`);
    for (const [index, { claim }] of claims.entries()) {
      const id = claimed[index]?.id ?? 0;
      const entries = controlIdsOf(claim).map((controlId) => ({ controlId }));
      const outcomes = await appendFile(outbox, entriesOf(markOf(id, claim), ...entries), 60_000);
      if (outcomes.some(({ kind }) => kind !== "stored")) throw new Error("a file was not stored");
      mark(`COMMIT ${claim}`);
      if (index === 0) continue;
      await files.moved([{ id, targets: [Buffer.from("target")], left: false }]);
      mark(`MOVED ${claim}`);
    }
  }
}

async function runLoad(folder: string, marker: string, polls: number): Promise<void> {
  const marks = openSync(marker, "w");
  const mark = (text: string): void => void writeSync(marks, `${text}\n`);
  for (let phase = 0; phase < PHASES; phase++) {
    await using outbox = await openOutbox(folder);
    const sending = async (): Promise<void> => {
      for (let n = 0; n < polls * 2; n++) {
        await appendTo(outbox, entryOf({ controlId: `U${phase}.${n}` }), 60_000);
        await pause(1);
      }
    };
    await Promise.all([sending(), takeFiles(outbox, polls, mark)]);
    await pause(QUIET_MS);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { polls: { type: "string", default: "5" } } });
  const { CRASH_DIR = "", CRASH_MARK = "" } = process.env;
  await runLoad(CRASH_DIR, CRASH_MARK, Number(values.polls));
}
