/** Judges one image of the identity folder after a power cut. @module */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "#agent/errors.ts";
import { systemChance } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { type LoadedIdentities, loadIdentities } from "#agent/identity/loading.ts";
import { identityFolder } from "#certs/identity-folder.ts";
import { IdentityStore } from "#certs/slots.ts";
import { NEW_KEK, OLD_KEK } from "./workload.ts";

/** @param marks of each promise that had been made by then @returns reasons */
export function check(stateDir: string, marks: readonly string[]): string[] {
  makePrivate(identityFolder(stateDir));
  const kek = { current: OLD_KEK, previous: NEW_KEK };
  const store = new IdentityStore({ stateDir, kek: () => kek, chance: systemChance });
  const serial = last(marks, "INUSE");
  const reasons: string[] = [];
  const loaded = loadedOf(store, reasons);
  if (loaded !== undefined && serial !== undefined) {
    // N7: the receiver takes this one, and the one after it.
    const found = [loaded.current, loaded.next].map((one) => one?.serialHex);
    if (!found.includes(serial)) reasons.push(`identity: ${serial} is in use, and is not there`);
  }
  if (loaded === undefined && serial !== undefined) reasons.push("identity: none works");
  if (reasons.length > 0) return reasons;
  return [...sameRequest(store, marks, loaded), ...startsAgain(store, serial)];
}

function loadedOf(store: IdentityStore, reasons: string[]): LoadedIdentities | undefined {
  try {
    return loadIdentities(store, silentLog);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const { code, facts } = error;
    if (code !== "IDENTITY_MISSING") reasons.push(`${code} ${JSON.stringify(facts)}`);
    return undefined;
  }
}

/** N1: what the receiver may have issued for is asked for again, byte for byte. */
function sameRequest(
  store: IdentityStore,
  marks: readonly string[],
  loaded: LoadedIdentities | undefined,
): string[] {
  const sentAt = marks.findLastIndex((one) => one.startsWith("SENT "));
  const isInUse = marks.findLastIndex((one) => one.startsWith("INUSE ")) > sentAt;
  if (sentAt < 0 || isInUse || loaded?.next !== undefined) return [];
  const device = loaded?.current?.keys.device;
  const { slot, keys } =
    device === undefined ? store.beginEnrolment("ab".repeat(16)) : store.begin(device);
  const request = slot.ensureRequest(keys, "ward-1");
  const digest = createHash("sha256").update(request).digest("hex");
  return marks[sentAt] === `SENT ${digest}` ? [] : ["N1: another request would be sent"];
}

/** What the agent does at its start leaves what works. */
function startsAgain(store: IdentityStore, serial: string | undefined): string[] {
  store.sweep();
  store.adopt();
  if (serial === undefined) return [];
  const { current, next } = loadIdentities(store, silentLog);
  const found = [current, next].find((one) => one?.serialHex === serial);
  if (found === undefined) return [`start: ${serial} is gone`];
  store.promote(found.slot, 1);
  return store.current?.load().serialHex === serial ? [] : [`start: ${serial} is not in use`];
}

const last = (marks: readonly string[], kind: string): string | undefined =>
  marks.findLast((one) => one.startsWith(`${kind} `))?.slice(kind.length + 1);

/** Modes are not recorded by rig A. */
function makePrivate(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  }
  chmodSync(folder, 0o700);
}
