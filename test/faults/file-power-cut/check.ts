/** Judges one image of the agent's disk after a power cut: the oracles over dropped files. @module */
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { GroupCommit } from "#agent/outbox/writing/group-commit.ts";
import { openStore } from "#agent/outbox/writing/open-store.ts";
import { leftovers } from "../store-accounting.ts";
import { inspectDatabase } from "../stored-messages.ts";
import { controlIdsOf, KEK } from "./workload.ts";

const STATE: Readonly<Record<string, number>> = { CLAIM: 0, COMMIT: 1, MOVED: 3 };

/** @param marks of each promise that had been made by then @returns reasons */
export function check(dir: string, marks: readonly string[]): string[] {
  makePrivate(dir);
  const channels = [{ name: "adt" }];
  const { database, sealer } = openStore(
    {
      ...{ stateDir: dir, allowVolatileState: true, channels, newStoreId: new Uint8Array(16) },
      ...{ kek: { current: KEK }, duplicateMemoryKeys: 62_500 },
    },
    { nowMs: () => Date.now() },
  );
  try {
    new GroupCommit(database, sealer, { channels });
    const { bodies, reasons } = inspectDatabase(database, dir, KEK);
    const found = [...reasons, ...leftovers(database)];
    const read = database.prepare("SELECT claim, state FROM file_claim").raw();
    const rows = new Map(read.all() as [string, number][]);
    for (const [claim, state] of rows) {
      for (const controlId of controlIdsOf(claim)) {
        const isThere = bodies.has(controlId);
        if (isThere !== state > 0)
          found.push(`one step: ${controlId} there: ${isThere}, file: ${state}`);
      }
    }
    for (const mark of marks) {
      const [promise = "", claim = ""] = mark.split(" ");
      if ((rows.get(claim) ?? -1) < (STATE[promise] ?? 0)) found.push(`conservation: ${mark}`);
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
