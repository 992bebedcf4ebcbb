/**
 * What every store has to do with identities (07 1.4 to 1.8): one suite, run by each.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EnrolmentState,
  type Identity,
  NO_IDENTITY,
} from "#receiver/store/identity-record.ts";
import type { Registry } from "#receiver/store/registry.ts";
import type { AgentRecord } from "#receiver/store/store.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";

const WARD_1 = { tenant: "north", name: "ward-1" };
const KEY = "d".repeat(64);
const CSR = "c".repeat(64);
const TOKEN: EnrolmentState = {
  idHex: "1".repeat(32),
  publicKeyHex: "2".repeat(64),
  expiresMs: 1_900_000_000_000,
  failedTries: 3,
  claim: { csrSha256Hex: CSR, deviceKeyHex: KEY, code: "012345", atMs: 5 },
  confirmedAtMs: 6,
  issued: { csrSha256Hex: CSR, certificatePem: "-----BEGIN é €\n" },
};
const FULL: Identity = {
  deviceKeyHex: KEY,
  nextSerialHex: "2f",
  generation: 7,
  renewed: { csrSha256Hex: CSR, certificatePem: "pem", generation: 6 },
  recoveryCount: 1,
  nonces: [{ serialHex: "1f", hex: "e".repeat(64), expiresMs: 9 }],
  token: TOKEN,
};

async function register(registry: Registry, name = WARD_1): Promise<AgentRecord> {
  const added = await registry.registerAgent({ ...name, atMs: 4 });
  assert.ok("agent" in added);
  return added.agent;
}

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function registrySuite(name: string, open: () => Promise<WholeStore>): void {
  test(`[07 1.4] ${name}: an agent is there before it has a certificate, and added once`, async () => {
    await using store = await open();
    const agent = await register(store.registry);
    assert.deepEqual(
      [agent.serialHex, agent.revision, agent.identity, agent.addedAtMs, agent.session],
      ["", 0, NO_IDENTITY, 4, 0],
    );
    const again = await store.registry.registerAgent({ ...WARD_1, atMs: 9 });
    assert.ok("agent" in again);
    assert.deepEqual([again.known, again.agent], [true, agent]);
    assert.deepEqual(await store.listAgents(null), [agent]);
    // Sessions begin as for any other.
    const nonce = new Uint8Array(16);
    const call = { agent: agent.id, storeId: nonce, instanceNonce: nonce, atMs: 5 };
    assert.deepEqual(await store.hello(call), { session: 1 });
  });

  test(`[N4] ${name}: everything that is known of an identity is kept, and found by its token`, async () => {
    await using store = await open();
    const { id } = await register(store.registry);
    await register(store.registry, { tenant: "north", name: "ward-2" });
    assert.equal(await store.registry.findByToken(TOKEN.idHex), null);
    const change = { agent: id, revision: 0, serialHex: "1f", identity: FULL };
    assert.deepEqual(await store.registry.changeIdentity(change), { kind: "ok" });
    const found = await store.findAgent(WARD_1);
    assert.deepEqual([found?.serialHex, found?.revision, found?.identity], ["1f", 1, FULL]);
    assert.deepEqual(await store.registry.findByToken(TOKEN.idHex), found);
    assert.equal(await store.registry.findByToken("0".repeat(32)), null);
  });

  test(`[I06] ${name}: of fifty changes over one revision exactly one is made`, async () => {
    await using store = await open();
    const { id } = await register(store.registry);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        store.registry.changeIdentity({
          ...{ agent: id, revision: 0, serialHex: `${index + 1}` },
          identity: { ...NO_IDENTITY, generation: index + 1 },
        }),
      ),
    );
    const made = answers.flatMap(({ kind }, index) => (kind === "ok" ? [index + 1] : []));
    assert.equal(made.length, 1);
    assert.equal(answers.filter(({ kind }) => kind === "stale").length, 49);
    const found = await store.findAgent(WARD_1);
    assert.deepEqual([found?.revision, found?.identity.generation], [1, made[0]]);
    assert.equal(found?.serialHex, `${made[0]}`);
  });

  test(`[07 1.3] ${name}: another certificate by hand forgets what was known, and makes older reads stale`, async () => {
    await using store = await open();
    const { id } = await register(store.registry);
    const change = { agent: id, serialHex: "1f", identity: FULL };
    await store.registry.changeIdentity({ ...change, revision: 0 });
    await store.addAgent({ ...WARD_1, serialHex: "3f", atMs: 1 });
    const found = await store.findAgent(WARD_1);
    assert.deepEqual([found?.serialHex, found?.identity], ["3f", NO_IDENTITY]);
    const late = await store.registry.changeIdentity({ ...change, revision: 1 });
    assert.deepEqual(late, { kind: "stale" });
    assert.equal(await store.registry.findByToken(TOKEN.idHex), null);
  });

  test(`[07 1.7] ${name}: a lock fences older sessions, keeps its first time, and is opened by hand`, async () => {
    await using store = await open();
    const { id } = await register(store.registry);
    const nonce = new Uint8Array(16);
    const hello = { agent: id, storeId: nonce, instanceNonce: nonce, atMs: 5 };
    await store.hello(hello);
    await store.registry.lockAgent({ agent: id, atMs: 70 });
    await store.registry.lockAgent({ agent: id, atMs: 80 });
    const locked = await store.findAgent(WARD_1);
    assert.deepEqual([locked?.lockedAtMs, locked?.session], [70, 2]);
    assert.deepEqual(await store.hello(hello), { kind: "locked" });
    await store.unlockAgent(WARD_1);
    assert.equal((await store.findAgent(WARD_1))?.lockedAtMs, null);
    assert.deepEqual(await store.hello(hello), { session: 3 });
  });

  test(`[G7] ${name}: the deny list holds agents, serials and device keys, each for itself`, async () => {
    await using store = await open();
    const { registry } = store;
    const agent = { kind: "agent", value: "north/ward-1" } as const;
    const serial = { kind: "serial", value: "1f" } as const;
    const deviceKey = { kind: "deviceKey", value: KEY } as const;
    assert.equal(await registry.isDenied([agent, serial, deviceKey]), false);
    assert.equal(await registry.isDenied([]), false);
    for (const one of [agent, serial, deviceKey]) {
      await registry.deny({ ...one, atMs: 7 });
      await registry.deny({ ...one, atMs: 8 });
      assert.deepEqual(await registry.listDenied(null), [{ ...one, atMs: 7 }]);
      assert.deepEqual(await registry.listDenied(one), []);
      const others = [agent, serial, deviceKey].filter((other) => other !== one);
      assert.equal(await registry.isDenied([...others, one]), true);
      assert.equal(await registry.isDenied(others), false);
      assert.equal(await registry.isDenied([{ ...one, value: `${one.value}0` }]), false);
      await registry.allow(one);
      assert.equal(await registry.isDenied([one]), false);
    }
  });

  test(`[G6, G7, G8] ${name}: those who are connected and may not be are found among many`, async () => {
    await using store = await open();
    const { registry } = store;
    const ids: number[] = [];
    for (const number of [0, 1, 2, 3, 4, 5, 6]) {
      const { id } = await register(registry, { tenant: "north", name: `ward-${number}` });
      const identity = { ...NO_IDENTITY, deviceKeyHex: `${number}`.repeat(64), nextSerialHex: "b" };
      await registry.changeIdentity({ agent: id, revision: 0, serialHex: `a${number}`, identity });
      ids.push(id);
    }
    const live = ids.map((agent, number) => ({ agent, serialHex: `a${number}` }));
    assert.deepEqual(await registry.barredOf(live), []);
    assert.deepEqual(await registry.barredOf([]), []);
    await registry.deny({ kind: "agent", value: "north/ward-1", atMs: 1 });
    await registry.deny({ kind: "serial", value: "a2", atMs: 1 });
    await registry.deny({ kind: "deviceKey", value: "3".repeat(64), atMs: 1 });
    await registry.lockAgent({ agent: ids[4] ?? 0, atMs: 1 });
    const others = [
      { agent: ids[5] ?? 0, serialHex: "b" },
      { agent: ids[6] ?? 0, serialHex: "c" },
      { agent: 9_999, serialHex: "a0" },
    ];
    const barred = await registry.barredOf([...live, ...others]);
    assert.deepEqual(
      barred.map(({ agent, serialHex }) => `${ids.indexOf(agent)} ${serialHex}`).sort(),
      ["-1 a0", "1 a1", "2 a2", "3 a3", "4 a4", "6 c"],
    );
  });

  test(`[EN8] ${name}: trust documents are kept by tenant and version, and none is replaced`, async () => {
    await using store = await open();
    const { registry } = store;
    const add = (version: number, envelope: string, tenant = "north") =>
      registry.addTrust({ tenant, version, envelope, atMs: 1 });
    assert.deepEqual(await add(2, '{"b":2}'), { kind: "ok" });
    assert.deepEqual(await add(1, '{"a":1}'), { kind: "ok" });
    assert.deepEqual(await add(1, '{"a":1}'), { kind: "ok" });
    assert.deepEqual(await add(1, '{"other":1}'), { kind: "conflict" });
    await add(1, '{"south":1}', "south");
    const chain = await registry.trustAfter({ tenant: "north", version: 0 });
    assert.deepEqual(chain, [
      { version: 1, envelope: '{"a":1}' },
      { version: 2, envelope: '{"b":2}' },
    ]);
    assert.deepEqual(await registry.trustAfter({ tenant: "north", version: 2 }), []);
  });
}
