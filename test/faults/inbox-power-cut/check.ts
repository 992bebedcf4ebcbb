/** Judges one image of the agent's disk after a power cut: the oracles over its inbox. @module */
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { openStore } from "#agent/outbox/writing/open-store.ts";
import { leftovers } from "../store-accounting.ts";
import { inspectInbox } from "../stored-inbox.ts";
import { inspectDatabase } from "../stored-messages.ts";
import { bodyAt, CHANNELS, KEK } from "./workload.ts";

/** The workload's; it is the same for all images of a recording. */
const SEED = Number(process.env["HOLDFAST_SEED"] ?? 1);
const bodies = new Map<string, Buffer>();

/** @param marks of each promise that had been made by then @returns reasons */
export function check(dir: string, marks: readonly string[]): string[] {
  makePrivate(dir);
  const channels = [{ name: "adt" }, { name: "$outcomes" }];
  const common = { stateDir: dir, allowVolatileState: true, channels, downstream: CHANNELS };
  const { database, sealer } = openStore(
    {
      ...{ ...common, newStoreId: new Uint8Array(16), kek: { current: KEK } },
      duplicateMemoryKeys: 62_500,
    },
    { nowMs: () => Date.now() },
  );
  try {
    new GroupCommit(database, sealer, { channels });
    const report = inspectDatabase(database, dir, KEK);
    const { messages, reasons } = inspectInbox(database, dir, KEK, new Set(report.bodies.keys()));
    const found = [...report.reasons, ...leftovers(database), ...reasons];
    for (const [name, { body }] of messages) {
      if (body?.equals(sentAs(name)) !== true)
        found.push(`integrity: ${name} is not what was sent`);
    }
    for (const mark of marks) {
      const [promise, name = ""] = mark.split(" ");
      const row = messages.get(name)?.row;
      if (row === undefined) found.push(`conservation: ${mark}, and it is not there`);
      else if (promise === "CLAIM" && row.claimed !== 1) found.push(`conservation: ${mark}`);
      else if (promise === "SETTLED" && row.state < 2) found.push(`conservation: ${mark}`);
    }
    return found;
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

function sentAs(name: string): Buffer {
  const [channel = "", , seq] = name.split("/");
  const known = bodies.get(name) ?? bodyAt(SEED, channel, Number(seq));
  bodies.set(name, known);
  return known;
}
