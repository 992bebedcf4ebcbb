/** What every store has to do with heads of audits (08 6): one suite, run by each. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddHeadCall } from "#receiver/store/heads.ts";
import { allHeads } from "#receiver/store/walk.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";

/** `Array.fromAsync`, which the compiler's library does not know yet. */
export async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const KEY = "d".repeat(64);

export const headOf = (
  agent: number,
  counter: number,
  more: Partial<AddHeadCall> = {},
): AddHeadCall => ({
  ...{ agent, deviceKeyHex: KEY, digest: counter.toString(16).padStart(64, "0") },
  ...{ counter, auditSeq: counter * 10, auditHead: `head-${counter}`, generation: 1 },
  ...{ envelope: `{"counter":${counter},"é":"€"}`, atMs: 5 },
  ...more,
});

async function agentOf(store: WholeStore, name: string): Promise<number> {
  const added = await store.registry.registerAgent({ tenant: "north", name, atMs: 4 });
  assert.ok("agent" in added);
  return added.agent.id;
}

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function headSuite(name: string, open: () => Promise<WholeStore>): void {
  test(`[U21] ${name}: a head is kept as it came, once, and says what came before it`, async () => {
    await using store = await open();
    const agent = await agentOf(store, "ward-1");
    const add = (call: AddHeadCall) => store.heads.addHead(call);
    assert.deepEqual(await add(headOf(agent, 1)), { kind: "ok", known: false, before: null });
    const first = { counter: 1, auditSeq: 10, auditHead: "head-1", generation: 1 };
    assert.deepEqual(await add(headOf(agent, 2)), { kind: "ok", known: false, before: first });
    const second = { counter: 2, auditSeq: 20, auditHead: "head-2", generation: 1 };
    assert.deepEqual(await add(headOf(agent, 2)), { kind: "ok", known: true, before: second });
    const kept = await listed(allHeads(store.heads, agent));
    assert.deepEqual(
      kept.map(({ counter, isVerified, receivedAtMs, envelope }) => [
        counter,
        isVerified,
        receivedAtMs,
        envelope,
      ]),
      [
        [1, true, 5, '{"counter":1,"é":"€"}'],
        [2, true, 5, '{"counter":2,"é":"€"}'],
      ],
    );
  });

  test(`[U21] ${name}: one that goes back takes nothing of what stood before it back`, async () => {
    await using store = await open();
    const agent = await agentOf(store, "ward-1");
    await store.heads.addHead(headOf(agent, 5, { generation: 3 }));
    await store.heads.addHead(headOf(agent, 2, { generation: 4 }));
    const result = await store.heads.addHead(
      headOf(agent, 6, { auditSeq: 50, auditHead: "another" }),
    );
    assert.ok(result.kind === "ok");
    assert.deepEqual(result.before, {
      counter: 5,
      auditSeq: 50,
      auditHead: "head-5",
      generation: 4,
    });
  });

  test(`[U21] ${name}: agents, and device keys of one agent, have nothing to do with one another`, async () => {
    await using store = await open();
    const [one, other] = [await agentOf(store, "ward-1"), await agentOf(store, "ward-2")];
    await store.heads.addHead(headOf(one, 5));
    for (const call of [headOf(other, 1), headOf(one, 1, { deviceKeyHex: "e".repeat(64) })]) {
      const result = await store.heads.addHead(call);
      assert.ok(result.kind === "ok");
      assert.deepEqual([result.known, result.before], [false, null]);
    }
    const unverified = await store.heads.addHead(headOf(one, 2, { deviceKeyHex: "" }));
    assert.ok(unverified.kind === "ok" && unverified.before === null);
    const kept = await listed(allHeads(store.heads, one));
    assert.deepEqual(
      kept.map(({ isVerified }) => isVerified),
      [true, true, false],
    );
  });
}
