import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError } from "#agent/errors.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadIdentities } from "#agent/identity/loading.ts";
import { resealSecrets } from "#agent/sealing/sealed-secret.ts";
import { contentFor, StateFolder } from "#test/support/identity-folder.ts";

const deviceOf = (device: unknown) =>
  device as Parameters<ReturnType<StateFolder["store"]>["begin"]>[0];

function refusal(act: () => unknown): AgentError {
  try {
    act();
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const codesOf = (error: AgentError) => [error.code, error.facts["file"], error.facts["flaw"]];

test("[07 1.2] an enrolment's slot becomes current once it is adopted and welcomed", async () => {
  using state = new StateFolder();
  const store = state.store();
  const { slot, keys } = store.beginEnrolment("ab".repeat(16));
  assert.deepEqual([store.next, store.enrolled], [undefined, undefined]);
  slot.complete(await contentFor(keys));
  assert.equal(store.enrolled?.name, slot.name);
  store.adopt();
  assert.deepEqual([store.current, store.next?.name], [undefined, slot.name]);
  assert.equal(store.promote(slot.name, 5), true);
  assert.deepEqual(
    [store.current?.name, store.next, store.prev],
    [slot.name, undefined, undefined],
  );
  const identity = store.current?.load();
  assert.equal(identity?.agent, "ward-1");
  assert.equal(identity?.generation, 1);
  assert.ok(identity?.keys.device?.equals(deviceOf(keys.device)));
  assert.equal(existsSync(join(state.identity, "claim.json")), false);
});

test("[07 1.2] a lost slots.json beside whole slots is damage, is swept by nobody, and a new enrolment ends it", async () => {
  using state = new StateFolder();
  const { name } = await state.enrolled();
  rmSync(join(state.identity, "slots.json"));
  const store = state.store();
  assert.equal(store.isListLost, true);
  assert.deepEqual(codesOf(refusal(() => loadIdentities(store, silentLog))), [
    ...["IDENTITY_DAMAGED", "slots.json", undefined],
  ]);
  store.sweep();
  assert.equal(existsSync(join(state.identity, name, "tls.key")), true);
  const { slot, keys } = store.beginEnrolment("ab".repeat(16));
  assert.equal(store.isListLost, true, "it is not whole yet");
  slot.complete(await contentFor(keys));
  assert.equal(loadIdentities(store, silentLog).next?.slot, slot.name);
  store.adopt();
  assert.equal(store.isListLost, false);
  store.sweep();
  assert.equal(existsSync(join(state.identity, name)), false);
});

test("[07 1.2] a machine that began to enrol, and has no whole slot, was never enrolled", () => {
  using state = new StateFolder();
  state.store().beginEnrolment("ab".repeat(16));
  rmSync(join(state.identity, "claim.json"));
  const store = state.store();
  assert.equal(refusal(() => loadIdentities(store, silentLog)).code, "IDENTITY_MISSING");
  assert.equal(store.isListLost, false);
});

test("[EN4] the same token goes on with the same keys, another one with others", () => {
  using state = new StateFolder();
  const first = state.store().beginEnrolment("ab".repeat(16));
  const again = state.store().beginEnrolment("ab".repeat(16));
  assert.ok(again.keys.tls.equals(first.keys.tls));
  assert.ok(again.keys.device?.equals(deviceOf(first.keys.device)));
  const other = state.store().beginEnrolment("cd".repeat(16));
  assert.equal(other.keys.tls.equals(first.keys.tls), false);
  assert.deepEqual(readdirSync(state.identity).sort(), ["claim.json", other.slot.name]);
});

test("[N1, N6] renewal: same key after a crash, device key goes on, old one is kept as prev", async () => {
  using state = new StateFolder();
  const old = await state.enrolled();
  const { device } = old.load().keys;
  const store = state.store();
  const begun = store.begin(deviceOf(device));
  const again = state.store().begin(deviceOf(device));
  assert.equal(again.slot.name, begun.slot.name);
  assert.ok(again.keys.tls.equals(begun.keys.tls));
  assert.equal(store.promote("slot-0000000000000000", 7), false);
  begun.slot.complete(await contentFor(begun.keys, 2));
  assert.equal(store.promote(begun.slot.name, 7), true);
  assert.deepEqual([store.current?.name, store.prev?.name], [begun.slot.name, old.name]);
  assert.equal(store.prevSinceMs, 7);
  assert.ok(store.current?.load().keys.device?.equals(deviceOf(device)));
  store.erasePrev();
  assert.equal(existsSync(join(state.identity, old.name)), false);
  assert.equal(store.prevSinceMs, undefined);
});

test("[07 1.1] keys lie sealed, 0400 in folders 0700, and open with the key-encryption key alone", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  const folder = join(state.identity, slot.name);
  for (const path of [state.identity, folder]) assert.equal(lstatSync(path).mode & 0o777, 0o700);
  for (const file of ["tls.key", "device.key"]) {
    assert.equal(lstatSync(join(folder, file)).mode & 0o777, 0o400);
    assert.doesNotMatch(readFileSync(join(folder, file), "latin1"), /PRIVATE|prime256v1/);
  }
  const pkcs8 = slot.load().keys.tls.export({ format: "der", type: "pkcs8" });
  assert.equal(readFileSync(join(folder, "tls.key")).includes(pkcs8.subarray(-32)), false);
  state.kek = { current: new Uint8Array(32).fill(1) };
  assert.equal(refusal(() => slot.load()).code, "KEK_WRONG");
});

test("[07 1.1] a sealed key that is moved, swapped or altered does not open", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  const at = (file: string): string => join(state.identity, slot.name, file);
  const [tls, device] = [readFileSync(at("tls.key")), readFileSync(at("device.key"))];
  const put = (file: string, bytes: Buffer): void => {
    rmSync(at(file));
    writeFileSync(at(file), bytes, { mode: 0o400 });
  };
  put("tls.key", device);
  assert.deepEqual(codesOf(refusal(() => slot.load())).slice(0, 2), [
    "IDENTITY_DAMAGED",
    `${slot.name}:tls.key`,
  ]);
  for (let byte = 0; byte < tls.length; byte++) {
    const altered = Buffer.from(tls);
    altered[byte] = (altered[byte] ?? 0) ^ 1;
    put("tls.key", altered);
    const { code } = refusal(() => slot.load());
    // Where the id of the key-encryption key is altered, it seems to be another one.
    assert.ok(code === "IDENTITY_DAMAGED" || (byte >= 8 && byte < 16 && code === "KEK_WRONG"));
  }
  put("tls.key", tls);
  slot.load();
});

test("[I18] a file or folder that is not private, or is a link, is refused and named", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  const path = (place: string): string => join(state.identity, place);
  const key = `${slot.name}/tls.key`;
  const load = (): unknown => state.store().current?.load();
  for (const mode of [0o640, 0o604, 0o644, 0o420, 0o410]) {
    chmodSync(path(key), mode);
    const error = refusal(load);
    assert.deepEqual(codesOf(error), ["IDENTITY_FOLDER_UNSAFE", `${slot.name}:tls.key`, "mode"]);
    assert.equal(error.exit, 78);
  }
  chmodSync(path(key), 0o400);
  for (const [place, name, mode] of [
    ["", "identity", 0o750],
    [slot.name, slot.name, 0o701],
    ["slots.json", "slots.json", 0o604],
    [`${slot.name}/meta.json`, `${slot.name}:meta.json`, 0o660],
  ] as const) {
    const before = lstatSync(path(place)).mode & 0o777;
    chmodSync(path(place), mode);
    assert.deepEqual(codesOf(refusal(load)), ["IDENTITY_FOLDER_UNSAFE", name, "mode"]);
    chmodSync(path(place), before);
  }
  for (const [place, name] of [
    [key, `${slot.name}:tls.key`],
    [slot.name, slot.name],
    ["slots.json", "slots.json"],
    ["", "identity"],
  ] as const) {
    const aside = join(state.path, "aside");
    renameSync(path(place), aside);
    symlinkSync(aside, path(place).replace(/\/$/, ""));
    assert.deepEqual(codesOf(refusal(load)), ["IDENTITY_FOLDER_UNSAFE", name, "link"]);
    rmSync(path(place).replace(/\/$/, ""));
    renameSync(aside, path(place));
  }
  load();
});

test("[I18] a file of another owner is refused and named", {
  skip: process.getuid?.() !== 0 && "not root: no file of another owner can be made",
}, async () => {
  const { chownSync } = await import("node:fs");
  using state = new StateFolder();
  const slot = await state.enrolled();
  chownSync(join(state.identity, slot.name, "tls.key"), 65_534, 65_534);
  const error = refusal(() => state.store().current?.load());
  assert.deepEqual(codesOf(error), ["IDENTITY_FOLDER_UNSAFE", `${slot.name}:tls.key`, "owner"]);
});

test("[07 1.2] files that are damaged or gone are named, and nothing is guessed", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  for (const file of ["tls.key", "device.key", "chain.pem", "receiver-ca.pem", "meta.json"]) {
    const path = join(state.identity, slot.name, file);
    const before = readFileSync(path);
    rmSync(path);
    const { code, facts } = refusal(() => slot.load());
    assert.deepEqual([code, facts["file"]], ["IDENTITY_DAMAGED", `${slot.name}:${file}`]);
    writeFileSync(path, before, { mode: 0o400 });
  }
  slot.load();
  writeFileSync(join(state.identity, "slots.json"), '{"current":1}');
  assert.equal(refusal(() => state.store().current).code, "IDENTITY_DAMAGED");
});

test("[07 1.2] what a crash left is swept, and nothing else", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  const store = state.store();
  renameSync(
    join(state.identity, store.beginEnrolment("cd".repeat(16)).slot.name),
    join(state.path, "left"),
  );
  renameSync(join(state.path, "left"), join(state.identity, "slot-00000000000000ff"));
  const claimed = store.beginEnrolment("ab".repeat(16)).slot;
  writeFileSync(join(state.identity, "slots.json.new"), "half");
  writeFileSync(join(state.identity, "agent.crt"), "a hospital's own file");
  store.sweep();
  const left = ["agent.crt", "claim.json", slot.name, claimed.name, "slots.json"];
  assert.deepEqual(readdirSync(state.identity).sort(), left.sort());
});

test("[08 2.3] identity keys are sealed under a new key-encryption key, whatever the moment of a crash", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  const previous = state.kek.current;
  const current = new Uint8Array(32).fill(2);
  for (let steps = 0; steps < 3; steps++) {
    const reseal = resealSecrets(state.identity, { current, previous });
    for (let step = 0; step < steps; step++) reseal.next();
    state.kek = { current: previous, previous: current };
    slot.load();
  }
  for (const _ of resealSecrets(state.identity, { current, previous }));
  state.kek = { current };
  slot.load();
  // A key that came meanwhile under the old one keeps the old one alive.
  state.kek = { current: previous };
  const reseal = resealSecrets(state.identity, { current, previous });
  reseal.next();
  state.store().beginEnrolment("ab".repeat(16));
  assert.equal(refusal(() => [...reseal]).code, "KEK_WRONG");
});

test("[07 1.2] a disk that is full, or read-only, leaves what is current as it is", async () => {
  using state = new StateFolder();
  const slot = await state.enrolled();
  const store = state.store();
  const { device } = slot.load().keys;
  // A file where the new slot's folder would be.
  const blocked = Object.assign(Object.create(null), { bytes: () => new Uint8Array(8) });
  writeFileSync(join(state.identity, "slot-0000000000000000"), "");
  const full = new (store.constructor as typeof import("#certs/slots.ts").IdentityStore)({
    ...{ stateDir: state.path, kek: () => state.kek, chance: blocked },
  });
  assert.equal(refusal(() => full.begin(deviceOf(device))).code, "IDENTITY_NOT_WRITABLE");
  assert.equal(state.store().current?.load().serialHex, slot.load().serialHex);
});
