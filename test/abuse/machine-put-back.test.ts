/** A machine is put back to yesterday's snapshot: nothing on it can know, but the receiver does (07 2.12, U21). */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Agent } from "#agent/agent.ts";
import type { DeviceKey } from "#agent/audit/device-key.ts";
import { askLocal } from "#agent/host/local-socket.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { loadLocalConfig } from "#config/local.ts";
import { writeEnvelope } from "#documents/envelope.ts";
import { bytesToSign, encodePayload, withAttached } from "#documents/sign.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { type HeadsOptions, headsTaker } from "#receiver/downstream/heads.ts";
import type { Facts } from "#receiver/errors.ts";
import { systemClock } from "#receiver/host/clock.ts";
import type { Log } from "#receiver/host/log.ts";
import { ask } from "#receiver/local-client.ts";
import type { OutletMessage } from "#receiver/outlets/event.ts";
import { openReceiver } from "#receiver/receiver.ts";
import { NO_IDENTITY } from "#receiver/store/identity-record.ts";
import { openSqliteStore } from "#receiver/store/sqlite/sqlite-store.ts";
import type { AgentRecord } from "#receiver/store/store.ts";
import { allHeads } from "#receiver/store/walk.ts";
import { makePair } from "#scripts/make-pair.ts";
import { listed } from "#test/receiver/support/head-suite.ts";
import { openTemporaryStore } from "#test/receiver/support/temporary-store.ts";
import { until } from "#test/support/processes.ts";
import { newDeviceKey } from "#test/support/test-trust.ts";

const NAME = { tenant: "demo", agent: "hospital" };

const PAYLOAD = {
  ...NAME,
  ...{
    counter: 5,
    bootId: "b".repeat(32),
    issuedAt: "2026-01-31T08:00:00Z",
    agentVersion: "1.2.3",
  },
  ...{ trustVersion: 1, epoch: 1, seqHigh: 3, effectiveDigest: null, state: null, generation: 2 },
  ...{ auditSeq: 50, auditHead: "a".repeat(64), clockSkewMs: null },
};

function envelopeOf(key: DeviceKey, more: object = {}): Uint8Array {
  const payload = encodePayload("status", { ...PAYLOAD, ...more });
  const unsigned = { type: "status", payload, signatures: [] } as const;
  return writeEnvelope(withAttached(unsigned, key.raw, key.sign(bytesToSign(unsigned))));
}

async function takerWith(deviceKeyHex: string | null) {
  const store = await openTemporaryStore();
  const added = await store.registry.registerAgent({
    tenant: NAME.tenant,
    name: NAME.agent,
    atMs: 1,
  });
  assert.ok("agent" in added);
  const agent: AgentRecord = { ...added.agent, identity: { ...NO_IDENTITY, deviceKeyHex } };
  const refused: Facts[] = [];
  const wentBack: Facts[] = [];
  const options: HeadsOptions = {
    ...{ store, agentOf: async () => agent, nowMs: () => 5 },
    refused: (facts) => void refused.push(facts),
    wentBack: (facts) => void wentBack.push(facts),
  };
  const taker = headsTaker(options);
  const take = (bytes: Uint8Array): Promise<void> =>
    taker.take({
      ...{ kind: "message", epoch: 1n, seq: 1n, agent: "demo/hospital" },
      body: async () => bytes,
    } as OutletMessage);
  const kept = async (): Promise<number> => (await listed(allHeads(store.heads, agent.id))).length;
  return { store, take, kept, refused, wentBack };
}

describe("heads at the receiver", () => {
  const key = newDeviceKey();
  const keyHex = Buffer.from(key.raw).toString("hex");

  test("[U21] counter, audit or generation that goes back is an alarm that says which; a repeat is none", async () => {
    const rows: readonly [what: string | undefined, more: object][] = [
      [undefined, { counter: 6 }],
      [undefined, { counter: 6, auditSeq: 51, auditHead: "b".repeat(64) }],
      [undefined, {}],
      ["counter", { counter: 4, auditSeq: 51 }],
      ["counter", { issuedAt: "2026-01-31T08:00:01Z" }],
      ["audit", { counter: 6, auditSeq: 49 }],
      ["audit", { counter: 6, auditHead: "b".repeat(64) }],
      ["generation", { counter: 6, generation: 1 }],
      ["counter.audit.generation", { counter: 1, auditSeq: 1, generation: 1 }],
    ];
    for (const [what, more] of rows) {
      const { store, take, wentBack, refused } = await takerWith(keyHex);
      await using _ = store;
      await take(envelopeOf(key));
      await take(envelopeOf(key, more));
      assert.deepEqual(
        [wentBack.map((facts) => facts["what"]), refused],
        [what === undefined ? [] : [what], []],
        JSON.stringify(more),
      );
    }
  });

  test("[U21] what the agent's device key has not signed, or is not about it, is refused and changes nothing", async () => {
    const { store, take, kept, refused, wentBack } = await takerWith(keyHex);
    await using _ = store;
    await take(envelopeOf(key));
    const flipped = Buffer.from(envelopeOf(key, { counter: 6 }));
    flipped[80] = (flipped[80] ?? 0) ^ 1;
    for (const bytes of [
      envelopeOf(newDeviceKey(), { counter: 1 }),
      envelopeOf(key, { counter: 1, tenant: "another" }),
      envelopeOf(key, { counter: 1, agent: "another" }),
      flipped,
      Buffer.from("no head"),
      new Uint8Array(3 << 20),
    ]) {
      await take(bytes);
    }
    assert.deepEqual([refused.length, wentBack.length, await kept()], [6, 0, 1]);
  });

  test("[U21] of an agent without a device key heads are kept, unverified", async () => {
    const { store, take, kept, refused } = await takerWith(null);
    await using _ = store;
    await take(envelopeOf(key));
    await take(Buffer.from("no head"));
    assert.deepEqual([await kept(), refused.length], [1, 1]);
  });
});

describe("a machine that was put back", () => {
  test("[U21] runs on in peace, and the receiver alarms: counter and audit", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-put-back-"));
    try {
      const pair = await makePair({ folder });
      const key = newDeviceKey();
      await enrolled(pair.receiverConfig, key);
      const alarms: Facts[] = [];
      const log: Log = {
        write: (event, facts) => {
          if (event === "agentWentBack") alarms.push(facts);
        },
        fault: () => {},
      };
      await using receiver = await openReceiver(loadConfiguration(pair.receiverConfig), {
        clock: systemClock,
        log,
      });
      void receiver;
      const device = { key, ...NAME, generation: () => 1 };
      const config = loadLocalConfig(pair.agentConfig);
      const { stateDir } = config;
      const { stateDir: receiverState, store } = loadConfiguration(pair.receiverConfig);
      const keptCount = async (): Promise<number> => {
        const asked = { ask: "listHeads", tenant: NAME.tenant, name: NAME.agent } as const;
        return (await listed(ask(receiverState, asked, store))).length;
      };
      /** One day of the machine: so many heads, all of them at the receiver at its end. */
      const day = async (heads: number): Promise<void> => {
        await using _agent = await Agent.open({
          config,
          version: "1.2.3",
          log: silentLog,
          device,
        });
        const before = await keptCount();
        for (let count = 0; count < heads; count++) {
          await askLocal(stateDir, { ask: "trace", controlId: "x", by: "anna" });
          await askLocal(stateDir, { ask: "statusSigned" });
        }
        await until(
          "all heads are at the receiver",
          async () => (await keptCount()) >= before + heads,
        );
      };
      await day(2);
      const snapshot = join(folder, "snapshot");
      cpSync(stateDir, snapshot, { recursive: true });
      await day(2);
      assert.deepEqual(alarms, []);
      rmSync(stateDir, { recursive: true });
      cpSync(snapshot, stateDir, { recursive: true });
      await day(1);
      await until("the receiver alarms", () => alarms.length > 0);
      assert.deepEqual([alarms[0]?.["what"], alarms[0]?.["agent"]], ["counter.audit", "hospital"]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Gives the agent of the pair a device key, as enrolment does. */
async function enrolled(receiverConfig: string, key: DeviceKey): Promise<void> {
  const { stateDir } = loadConfiguration(receiverConfig);
  await using store = await openSqliteStore(join(stateDir, "receiver.db"));
  const found = await store.findAgent({ tenant: NAME.tenant, name: NAME.agent });
  assert.ok(found !== null);
  const { id: agent, revision, serialHex } = found;
  const identity = { ...NO_IDENTITY, deviceKeyHex: Buffer.from(key.raw).toString("hex") };
  assert.deepEqual(await store.registry.changeIdentity({ agent, revision, serialHex, identity }), {
    kind: "ok",
  });
}
