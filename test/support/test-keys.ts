/** Keys of a test's store: the key-encryption key is known, what it wraps is random. @module */
import { join } from "node:path";
import { systemClock } from "#agent/host/clock.ts";
import {
  type DatabaseOptions,
  type OpenedDatabase,
  openDatabase,
  type SealState,
} from "#agent/outbox/format/database.ts";
import { type Kek, KeyRing } from "#agent/sealing/key-ring.ts";
import { Sealer } from "#agent/sealing/sealer.ts";

export const TEST_KEK: Kek = { current: new Uint8Array(32).fill(0x5a) };

/** The sealer of the store below `stateDir`, as the agent makes it. */
export function testSealer(stateDir: string, storeId: Uint8Array, state: SealState): Sealer {
  const folder = join(stateDir, "keys");
  const options = {
    folder,
    kek: TEST_KEK,
    storeId,
    isNewStore: state !== "sealed",
    clock: systemClock,
  };
  return new Sealer(KeyRing.open(options), storeId);
}

/** Opens a store without its thread. */
export function openTestDatabase(
  options: Pick<DatabaseOptions, "stateDir"> & Partial<DatabaseOptions>,
): OpenedDatabase {
  return openDatabase({
    allowVolatileState: true,
    nowMs: 1,
    newStoreId: new Uint8Array(16).fill(7),
    sealerFor: (storeId, state) => testSealer(options.stateDir, storeId, state),
    ...options,
  });
}
