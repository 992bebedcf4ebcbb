/**
 * Judges one image of a disk after a power cut: opens it as a restarted agent would, then applies the
 * oracles (10 section 1) to what it finds.
 *
 * @module
 */
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, openDatabase } from "#agent/outbox/database.ts";
import { GroupCommit } from "#agent/outbox/group-commit.ts";
import { messageOf } from "../seeded-messages.ts";
import { inspectDatabase, leftovers, type StoreReport } from "../stored-messages.ts";
import { CHANNELS } from "./workload.ts";

/** By control id: the same few hundred are asked for in every image. */
const expected = new Map<string, Buffer>();

/**
 * @param dir the state folder as the disk held it; changed by the opening
 * @param marks `MSA|AA|id` and `MSA|AR|id` of each reply that had been handed to a socket by then
 * @returns why an oracle does not hold; empty if all do
 */
export function check(dir: string, marks: readonly string[]): string[] {
  // Modes are not recorded, and the agent refuses folders that others may write to.
  for (const folder of [dir, join(dir, "outbox")]) if (existsSync(folder)) chmodSync(folder, 0o700);
  const database = openDatabase({
    stateDir: dir,
    allowVolatileState: true,
    nowMs: Date.now(),
    newStoreId: new Uint8Array(16),
  });
  try {
    const store = new GroupCommit(
      database,
      CHANNELS.map((name) => ({ name })),
    );
    store.loadRecent();
    const report = inspectDatabase(database);
    return [
      ...report.reasons,
      ...leftovers(database),
      ...unlikeTheSent(report),
      ...promisesBroken(report, marks),
      ...repeatsForgotten(report, store.recent.count),
      ...miscounted(store, database),
    ];
  } finally {
    database.close();
  }
}

/** Integrity: what is stored is what was sent, acknowledged or not. */
function unlikeTheSent({ bodies, setAside }: StoreReport): string[] {
  return [...bodies, ...setAside]
    .filter(([controlId, body]) => !body.equals(sentAs(controlId)))
    .map(([controlId]) => `integrity: ${controlId} is not what was sent`);
}

/** Conservation: every reply that left speaks the truth. */
function promisesBroken({ bodies, setAside }: StoreReport, marks: readonly string[]): string[] {
  const reasons: string[] = [];
  for (const mark of marks) {
    const [, code, controlId = ""] = /^MSA\|(A[A-Z])\|([^|\r]*)/.exec(mark) ?? [];
    const kept = code === "AA" ? bodies : code === "AR" ? setAside : undefined;
    if (kept === undefined) reasons.push(`a reply that nobody expects: ${mark}`);
    else if (!kept.has(controlId)) reasons.push(`conservation: ${controlId} has ${code}, is lost`);
  }
  return reasons;
}

/** 03 D1: the resend of whatever is stored will be recognised; what is set aside is its own key (E7). */
function repeatsForgotten({ bodies }: StoreReport, keys: number): string[] {
  const rows = bodies.size;
  return keys === rows ? [] : [`uniqueness: ${keys} keys for ${rows} rows`];
}

/** T-S13: what the agent would go on counting from is what a recount gives. */
function miscounted({ tails }: GroupCommit, database: Database): string[] {
  const recount = database
    .prepare("SELECT count(*), max(seq) FROM message WHERE channel = ? AND epoch = ?")
    .raw();
  return [...tails.values()].flatMap(({ channel, epoch, lastSeq }) => {
    const [count, last] = recount.get(channel, epoch) as [number, number | null];
    const right = count === Number(lastSeq) && (last ?? 0) === count;
    return right ? [] : [`counters: channel ${channel} at ${lastSeq}, holds ${count}`];
  });
}

function sentAs(controlId: string): Buffer {
  const known = expected.get(controlId);
  if (known !== undefined) return known;
  const message = messageOf(controlId);
  expected.set(controlId, message);
  return message;
}
