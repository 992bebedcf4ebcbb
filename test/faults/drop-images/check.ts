/**
 * Judges one image of an agent's disk after a power cut of its drop folders (T-I04): first as it is, then after the
 * agent has been started on it.
 *
 * @module
 */
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TEST_KEK } from "#test/support/test-keys.ts";
import { leftovers } from "../store-accounting.ts";
import { inspectDatabase } from "../stored-messages.ts";
import { afterwards } from "./afterwards.ts";
import { asItIs } from "./as-it-is.ts";
import { Identities } from "./identities.ts";
import { InlineStore } from "./inline-store.ts";
import { CHANNELS, modifiedSecond } from "./plan.ts";
import { recover } from "./recovery.ts";
import { Seen, titleOf } from "./seen.ts";

/**
 * @param dir as the disk held it; changed
 * @param marks what senders had done by then
 * @returns why an oracle does not hold
 */
export async function check(
  dir: string,
  marks: readonly string[],
  { inodes }: { readonly inodes: ReadonlyMap<string, bigint> },
): Promise<string[]> {
  const stateDir = join(dir, "state");
  if (!existsSync(stateDir)) return [];
  makePrivate(stateDir);
  const identities = new Identities(dir, inodes);
  const seen = new Seen(dir, marks, identities);
  for (const { path, recorded, index } of seen.files()) {
    identities.setTime(recorded, path, modifiedSecond(index));
  }
  using store = new InlineStore(stateDir, () => Date.now());
  const rows = new Map(
    await Promise.all(
      CHANNELS.map(async (name) => [name, await store.files.of(name).list(0, 1_000)] as const),
    ),
  );
  const all = [...rows.values()].flat();
  const bound = seen.bound(all);
  const before = asItIs(seen, rows, bound);
  const { reasons, vanished } = await recover(dir, store, (own) => identities.claims(own));
  const report = inspectDatabase(store.database, stateDir, TEST_KEK.current);
  const open = await Promise.all(CHANNELS.map((name) => store.files.of(name).open()));
  return [
    ...before,
    ...reasons,
    // What nobody had flushed may go, and that is said.
    ...vanished
      .flatMap((claim) => all.find((row) => row.claim === claim) ?? [])
      .filter((row) => bound.has(seen.unitOf(row) ?? -1))
      .map((row) => `honesty: ${titleOf(seen.unitOf(row) ?? -1)} is said to have vanished`),
    ...store.damaged.map(() => "integrity: a row of a file does not open"),
    ...open.flat().map(({ state }) => `liveness: a row is still ${state}`),
    ...report.reasons,
    ...leftovers(store.database),
    ...afterwards(seen, bound, report),
  ];
}

/** Modes are not recorded by rig A, and the agent refuses folders that others may write to. */
function makePrivate(stateDir: string): void {
  for (const folder of [stateDir, join(stateDir, "outbox"), join(stateDir, "keys")]) {
    if (existsSync(folder)) chmodSync(folder, 0o700);
  }
  const keys = join(stateDir, "keys");
  for (const name of existsSync(keys) ? readdirSync(keys) : []) chmodSync(join(keys, name), 0o400);
}
