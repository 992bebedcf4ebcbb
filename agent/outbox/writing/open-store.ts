/** The store and its keys, opened together: neither is of use without the other. @module */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { flushFolder } from "../../host/atomic-file.ts";
import type { Clock } from "../../host/clock.ts";
import { KeyRing } from "../../sealing/key-ring.ts";
import { Sealer } from "../../sealing/sealer.ts";
import { type OpenedDatabase, openDatabase } from "../format/database.ts";
import type { SpaceOptions } from "../space/space-messages.ts";
import { finishRestore } from "../upkeep/restore.ts";
import type { WriterOptions } from "./writer-messages.ts";

export interface OpenedStore extends OpenedDatabase {
  readonly keys: KeyRing;
  /** There were keys of another store, and not the store. */
  readonly keysSetAside: boolean;
}

/** @throws {AgentError} one of `STORE_*`, `KEK_*`, `KEY_FILE_DAMAGED` */
export function openStore(
  options: Omit<WriterOptions, keyof SpaceOptions | "diskBudgetBytes">,
  clock: Pick<Clock, "nowMs">,
): OpenedStore {
  finishRestore(options.stateDir);
  const folder = join(options.stateDir, "keys");
  let keys: KeyRing | undefined;
  let keysSetAside = false;
  const opened = openDatabase({
    ...options,
    nowMs: clock.nowMs(),
    sealerFor: (storeId, state) => {
      if (state === "new") keysSetAside = setAsideKeys(folder, clock.nowMs());
      keys = KeyRing.open({
        folder,
        kek: options.kek,
        storeId,
        isNewStore: state !== "sealed",
        clock,
      });
      return new Sealer(keys, storeId);
    },
  });
  if (keys === undefined) throw new TypeError("Cannot open a store without its keys");
  return { ...opened, keys, keysSetAside };
}

/** Of a store that is gone, or of a start that did not come to its first commit: kept, for nobody knows. */
function setAsideKeys(folder: string, nowMs: number): boolean {
  if (!existsSync(folder)) return false;
  renameSync(folder, `${folder}.of-another-store-${nowMs}`);
  flushFolder(join(folder, ".."));
  return true;
}
