/**
 * Judges one image of a disk after a power cut: opens it as a restarted agent would, then applies the
 * oracles (10 section 1) to what it finds.
 *
 * @module
 */
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "#agent/outbox/format/database.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { openStore } from "#agent/outbox/writing/open-store.ts";
import { readKek, SealedStore } from "../sealed-store.ts";
import { messageOf } from "../seeded-messages.ts";
import { leftovers } from "../store-accounting.ts";
import { storeIdOf } from "../store-tables.ts";
import { inspectDatabase, type PrunedRow, type StoreReport } from "../stored-messages.ts";
import { CHANNELS, KEK_FILE } from "./workload-kinds.ts";

/** By control id: the same few hundred are asked for in every image. */
const expected = new Map<string, Buffer>();
const kek = readKek(process.env[KEK_FILE] ?? "");
const clock = { nowMs: () => Date.now() };

/**
 * @param dir the state folder as the disk held it; changed by the opening
 * @param marks `MSA|AA|id` and `MSA|AR|id` of each reply that had been handed to a socket by then, and
 *   `SETTLED channel epoch seq` of what a receiver had when it said so
 * @returns why an oracle does not hold; empty if all do
 */
export function check(dir: string, marks: readonly string[]): string[] {
  makePrivate(dir);
  const { database, sealer } = openStore(
    {
      ...{ stateDir: dir, allowVolatileState: true, newStoreId: new Uint8Array(16) },
      ...{ channels: CHANNELS.map((name) => ({ name })), kek: { current: kek } },
      duplicateMemoryKeys: 10_000,
    },
    clock,
  );
  try {
    const channels = CHANNELS.map((name) => ({ name }));
    const store = new GroupCommit(database, sealer, { channels });
    store.loadRecent();
    const report = inspectDatabase(database, dir, kek);
    const settled = new Settled(marks);
    const tokens = new SealedStore(dir, kek, storeIdOf(database));
    return [
      ...report.reasons,
      ...leftovers(database),
      ...unlikeTheSent(report),
      ...promisesBroken(report, marks, (id) => tokens.token(1, Buffer.from(id)).toString("hex")),
      ...prunedTooEarly(report, settled),
      ...repeatsForgotten(report, store.recent.count),
      ...miscounted(store, database),
      ...takenForRollback(report, database),
    ];
  } finally {
    database.close();
  }
}

/** Modes are not recorded by rig A, and the agent refuses folders that others may write to. */
function makePrivate(dir: string): void {
  for (const folder of [dir, join(dir, "outbox"), join(dir, "keys")]) {
    if (existsSync(folder)) chmodSync(folder, 0o700);
  }
  const keys = join(dir, "keys");
  for (const name of existsSync(keys) ? readdirSync(keys) : []) chmodSync(join(keys, name), 0o400);
}

/** By channel and epoch: the last seq that a receiver was known to have. */
class Settled {
  readonly #lastSeqs = new Map<string, number>();

  constructor(marks: readonly string[]) {
    for (const mark of marks) {
      const [, channel, epoch, seq] = /^SETTLED (\S+) (\d+) (\d+)$/.exec(mark) ?? [];
      if (channel !== undefined) this.#lastSeqs.set(`${channel}/${epoch}`, Number(seq));
    }
  }

  has({ channel, epoch, seq }: PrunedRow): boolean {
    return seq <= (this.#lastSeqs.get(`${channel}/${epoch}`) ?? 0);
  }
}

/** Integrity: what is stored is what was sent, acknowledged or not. */
function unlikeTheSent({ bodies, setAside }: StoreReport): string[] {
  return [...bodies, ...setAside]
    .filter(([controlId, body]) => !body.equals(sentAs(controlId)))
    .map(([controlId]) => `integrity: ${controlId} is not what was sent`);
}

/** Conservation: every reply that left speaks the truth; what was pruned stands in the ledger. */
function promisesBroken(
  { bodies, setAside, pruned }: StoreReport,
  marks: readonly string[],
  tokenOf: (controlId: string) => string,
): string[] {
  const ledger = new Set(pruned.map(({ controlToken }) => controlToken));
  const reasons: string[] = [];
  for (const mark of marks) {
    if (mark.startsWith("SETTLED ")) continue;
    const [, code, controlId = ""] = /^MSA\|(A[A-Z])\|([^|\r]*)/.exec(mark) ?? [];
    const kept = code === "AA" ? bodies : code === "AR" ? setAside : undefined;
    const wasHere = code === "AA" && ledger.size > 0 && ledger.has(tokenOf(controlId));
    if (kept === undefined) reasons.push(`a reply that nobody expects: ${mark}`);
    else if (!kept.has(controlId) && !wasHere) {
      reasons.push(`conservation: ${controlId} has ${code}, is lost`);
    }
  }
  return reasons;
}

/** I-4: nothing unsettled is ever pruned. */
function prunedTooEarly({ pruned }: StoreReport, settled: Settled): string[] {
  return pruned
    .filter((row) => !settled.has(row))
    .map(({ channel, seq }) => `conservation: ${channel} ${seq} is pruned, no receiver has it`);
}

/** 03 D1: the resend of whatever is stored will be recognised; what is set aside is its own key (E7). */
function repeatsForgotten(report: StoreReport, keys: number): string[] {
  const rows = report.bodies.size + report.pruned.length + report.ownMessages;
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

/** A power cut is no rollback: the mark of how far the store has been is never ahead of what is flushed. */
function takenForRollback({ missing }: StoreReport, database: Database): string[] {
  const epochs = database
    .prepare(
      "SELECT count(*) FROM cursor JOIN channel ON channel.id = channel WHERE name NOT GLOB '$*'",
    )
    .pluck()
    .get() as number;
  return missing.length === 0 && epochs === CHANNELS.length
    ? []
    : [`honesty: ${missing.length} ranges said to be missing, ${epochs} epochs`];
}

function sentAs(controlId: string): Buffer {
  const known = expected.get(controlId);
  if (known !== undefined) return known;
  const message = messageOf(controlId);
  expected.set(controlId, message);
  return message;
}
