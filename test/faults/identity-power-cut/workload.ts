/**
 * What is recorded for power cuts of the identity folder: an enrolment, then renewals, each step as the agent does it,
 * and a new key-encryption key between.
 *
 * Runs under `record.sh`. Marks, once each was so: `SENT digest` a request went to the receiver; `INUSE serial` the
 * receiver has welcomed a certificate, and refuses the one before from now on; `ERASED serial`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { systemChance } from "#agent/host/clock.ts";
import { resealSecrets } from "#agent/sealing/sealed-secret.ts";
import { identityFolder } from "#certs/identity-folder.ts";
import type { Slot, SlotKeys } from "#certs/slot.ts";
import { IdentityStore } from "#certs/slots.ts";
import { contentFor } from "#test/support/identity-folder.ts";

export const OLD_KEK: Uint8Array = new Uint8Array(32).fill(0x5a);
export const NEW_KEK: Uint8Array = new Uint8Array(32).fill(0x6b);
const RENEWALS = 3;

async function run(stateDir: string, mark: (text: string) => void): Promise<void> {
  let kek = OLD_KEK;
  const store = new IdentityStore({
    ...{ stateDir, kek: () => ({ current: kek }), chance: systemChance },
  });
  // EN4 to EN9
  const { slot, keys } = store.beginEnrolment("ab".repeat(16));
  await issued(slot, keys, 1, mark);
  store.adopt();
  inUse(store, slot, mark);
  for (let renewal = 0; renewal < RENEWALS; renewal++) {
    const device = store.current?.load().keys.device;
    if (device === undefined) throw new Error("there is no device key");
    // N1 to N6
    const next = store.begin(device);
    await issued(next.slot, next.keys, renewal + 2, mark);
    inUse(store, next.slot, mark);
    if (renewal === 1) {
      for (const _ of resealSecrets(identityFolder(stateDir), { current: NEW_KEK, previous: kek }));
      kek = NEW_KEK;
    }
    if (renewal !== 0) store.erasePrev();
  }
}

async function issued(
  slot: Slot,
  keys: SlotKeys,
  generation: number,
  mark: (text: string) => void,
): Promise<void> {
  const request = slot.ensureRequest(keys, "ward-1");
  mark(`SENT ${createHash("sha256").update(request).digest("hex")}`);
  slot.complete(await contentFor(keys, generation));
}

/** The receiver's welcome is first: from then on it refuses the certificate before. */
function inUse(store: IdentityStore, slot: Slot, mark: (text: string) => void): void {
  mark(`INUSE ${slot.load().serialHex}`);
  store.promote(slot.name, Date.now());
}

if (import.meta.main) {
  const { CRASH_DIR = "", CRASH_MARK = "" } = process.env;
  const marks = openSync(CRASH_MARK, "w");
  await run(CRASH_DIR, (text) => void writeSync(marks, `${text}\n`));
}
