/** Judges one image of the agent's disk after a power cut: what would run, and what is remembered. @module */
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { deviceKeyOf } from "#agent/audit/device-key.ts";
import { bodyIn, documentIn } from "#agent/configuration/bodies.ts";
import { inspectLastGood } from "#agent/configuration/last-good-bundle.ts";
import { isLifeCycleDamaged, LIFE_CYCLE_VALUE } from "#agent/configuration/ledger.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import type { LastGoodState } from "#agent/marks/judge-trust-state.ts";
import { readLastGood } from "#agent/marks/last-good.ts";
import { MarksFiles } from "#agent/marks/marks-files.ts";
import { TrustKeeper } from "#agent/marks/trust-keeper.ts";
import { TrustRows } from "#agent/outbox/trust/trust-rows.ts";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { openStore } from "#agent/outbox/writing/open-store.ts";
import { lifeCycleFrom } from "#config/life-cycle-record.ts";
import { FIRST_LIFE_CYCLE, type LifeCycle, runsOf } from "#config/life-cycle-state.ts";
import { ANCHOR, KEYS, RECIPIENT } from "#test/support/signed-documents.ts";
import { TEST_KEK } from "#test/support/test-keys.ts";

const KEY = deviceKeyOf(KEYS.device[0].privateKey);
const CHANNELS = [{ name: "$status" }, { name: "$outcomes" }];

/** @param marks of each promise that had been made by then @returns reasons */
export function check(dir: string, marks: readonly string[]): string[] {
  makePrivate(dir);
  const { database, sealer } = openStore(
    {
      ...{
        stateDir: dir,
        allowVolatileState: true,
        channels: CHANNELS,
        duplicateMemoryKeys: 62_500,
      },
      ...{ downstream: ["$documents"], newStoreId: new Uint8Array(16), kek: TEST_KEK },
    },
    systemClock,
  );
  try {
    const store = new GroupCommit(database, sealer, { channels: CHANNELS });
    const rows = new TrustRows({ store, onRefused: () => {} });
    return judged(dir, rows, marks);
  } finally {
    database.close();
  }
}

function judged(dir: string, rows: TrustRows, marks: readonly string[]): string[] {
  const snapshot = rows.load();
  const found = snapshot.damaged.map((name) => `damaged: ${name}`);
  if (isLifeCycleDamaged(snapshot)) return [...found, "the life cycle cannot be read"];
  const bytes = snapshot.values.get(LIFE_CYCLE_VALUE);
  const state: LifeCycle = (bytes && lifeCycleFrom(bytes)) ?? FIRST_LIFE_CYCLE;
  const lastGood = lastGoodIn(dir);
  try {
    const { verdict } = new TrustKeeper({
      ...{ snapshot, files: MarksFiles.open(dir, KEY), lastGood, configSource: "signed" },
      ...{ clock: systemClock, conditions: new Conditions(), log: silentLog },
    });
    // Marks are written behind the commit: no power cut puts the store behind them.
    if (verdict.kind !== "normal") found.push(`a power cut froze it: ${verdict.kind}`);
  } catch (error) {
    found.push(`nothing can be run: ${error}`);
  }
  // Old or new as a whole: what would run is here, and means something.
  const runs = runsOf(state);
  const row = runs && rows.document("config", runs.digest);
  const document = row && runs && documentIn(row.bytes, runs.digest);
  if (runs !== undefined && (document === undefined || bodyIn(document) === undefined)) {
    found.push("what would run is not here");
  }
  if (lastGood.kind === "unusable") found.push("last-good is not whole");
  for (const mark of marks) found.push(...brokenPromise(mark, state));
  return found;
}

function brokenPromise(mark: string, { seqHigh, lastGood, current }: LifeCycle): string[] {
  const [promise, number] = mark.split(" ");
  const seq = Number(number);
  const isKept =
    promise === "SEQ"
      ? seqHigh >= seq
      : promise === "COMMITTED"
        ? (lastGood?.seq ?? 0) >= seq
        : current?.offer.seq !== seq && (lastGood?.seq ?? 0) < seq;
  return isKept ? [] : [`${mark}, and seqHigh is ${seqHigh}, last known good ${lastGood?.seq}`];
}

function lastGoodIn(dir: string): LastGoodState {
  const bundle = readLastGood(dir);
  if (bundle === "absent") return { kind: "absent" };
  const keys = { anchor: ANCHOR, recipient: RECIPIENT, forbiddenKeys: [KEY.raw] };
  const read = bundle === "unreadable" ? undefined : inspectLastGood(bundle, keys);
  return read === undefined
    ? { kind: "unusable" }
    : { kind: "verified", digest: read.config.digest };
}

/** Modes are not recorded by rig A, and the agent refuses folders that others may write to. */
function makePrivate(dir: string): void {
  for (const folder of [dir, join(dir, "outbox"), join(dir, "keys"), join(dir, "trust")]) {
    if (existsSync(folder)) chmodSync(folder, 0o700);
  }
  const keys = join(dir, "keys");
  for (const name of existsSync(keys) ? readdirSync(keys) : []) chmodSync(join(keys, name), 0o400);
}
