/** What every store has to do with the console's records: one suite, run by each. @module */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { CONSOLE_ITEMS_MAX_COUNT, type KeepItemCall } from "#receiver/store/console.ts";
import type { WholeStore } from "#receiver/store/whole-store.ts";
import { alarmRecord } from "./alarm-suite.ts";

const LINK: KeepItemCall = {
  ...{ kind: "link", key: "k1", body: "{}", expiresMs: 100, isNew: true, atMs: 10 },
};

async function withAgents(store: WholeStore, names: readonly string[]): Promise<number[]> {
  const ids: number[] = [];
  for (const name of names) {
    const added = await store.registry.registerAgent({ tenant: "north", name, atMs: 4 });
    assert.ok("agent" in added);
    ids.push(added.agent.id);
  }
  return ids;
}

/** Stores messages whose times are `[receivedMs, storedMs]`. */
export async function withMessages(
  store: WholeStore,
  agent: number,
  channel: string,
  times: readonly (readonly [number, number])[],
  meta: (at: number) => string = () => "{}",
): Promise<void> {
  const pair = { storeId: new Uint8Array(16), instanceNonce: new Uint8Array(16) };
  const greeted = await store.hello({ agent, ...pair, atMs: 5 });
  assert.ok("session" in greeted);
  const to = { agent, session: greeted.session, channel, epoch: 1n };
  await store.open({ ...to, atMs: 6, previous: null });
  for (let from = 0; from < times.length; ) {
    const atMs = times[from]?.[1] ?? 0;
    // Those of one time come in one call.
    const others = times.slice(from).findIndex(([, other]) => other !== atMs);
    const count = others === -1 ? times.length - from : others;
    const items = times.slice(from, from + count).map(([receivedAtMs], index) => {
      const at = from + index;
      const body = new Uint8Array(Buffer.from(`MSH|${channel}|${at}`));
      const sha256 = hash("sha256", body, "buffer");
      return { sha256, replaces: null, meta: meta(at), body, receivedAtMs };
    });
    const call = { ...to, atMs, first: BigInt(from + 1), items };
    assert.equal((await store.ingest(call)).kind, "ok");
    from += count;
  }
}

/** @param open opens an empty store, and disposes of all it leaves when it is disposed */
export function consoleSuite(name: string, open: () => Promise<WholeStore>): void {
  test(`[01 Receive] ${name}: who is connected follows the newest session, and nobody who left late undoes it`, async () => {
    await using store = await open();
    const [one = 0, two = 0] = await withAgents(store, ["ward-1", "ward-2"]);
    const { console: records } = store;
    const here = { agent: one, session: 1 };
    await records.notePresence({ here: [here], gone: [], atMs: 10 });
    await records.notePresence({ here: [{ agent: one, session: 2 }], gone: [], atMs: 20 });
    // Another node hears late that its older session ended.
    await records.notePresence({ here: [], gone: [here], atMs: 30 });
    await records.notePresence({ here: [here], gone: [], atMs: 40 });
    const seen = async () =>
      (await records.standings({ after: 0, limit: 10 })).map(({ agent, seenMs, goneMs }) => [
        agent,
        seenMs,
        goneMs,
      ]);
    assert.deepEqual(await seen(), [
      [one, 20, null],
      [two, null, null],
    ]);
    await records.notePresence({ here: [], gone: [{ agent: one, session: 2 }], atMs: 50 });
    assert.deepEqual((await seen())[0], [one, 50, 50]);
    assert.equal((await records.standings({ after: one, limit: 10 }))[0]?.agent, two);
    assert.deepEqual(await records.standings({ after: two, limit: 10 }), []);
  });

  test(`[01 Receive] ${name}: of each agent its alarms, its newest head and its newest message`, async () => {
    await using store = await open();
    const [agent = 0, other = 0] = await withAgents(store, ["ward-1", "ward-2"]);
    await withMessages(store, agent, "adt", [
      [100, 9_000],
      [200, 300],
    ]);
    await withMessages(store, agent, "$status", [[1, 99_000]]);
    const report = JSON.stringify(JSON.parse(Buffer.from(alarmRecord(["diskLow"])).toString()));
    await store.alarms.setAlarms({ agent, reportedMs: 7, atMs: 8, report });
    for (const counter of [1, 2]) {
      const marks = { counter, auditSeq: counter, auditHead: "ab", generation: 1 };
      const head = { deviceKeyHex: "", digest: `d${counter}`, envelope: `{"n":${counter}}` };
      await store.heads.addHead({ agent, ...marks, ...head, atMs: 60 + counter });
    }
    const [standing, empty] = await store.console.standings({ after: 0, limit: 10 });
    assert.deepEqual(standing, {
      ...{ agent, seenMs: null, goneMs: null, lastStoredMs: 300, waitedMs: 100 },
      alarms: { reportedMs: 7, receivedMs: 8, report },
      head: { isVerified: false, receivedMs: 62, envelope: '{"n":2}' },
    });
    assert.deepEqual(empty, {
      ...{ agent: other, seenMs: null, goneMs: null, lastStoredMs: null, waitedMs: null },
      ...{ alarms: null, head: null },
    });
    const seqs = [1n, 2n, 3n];
    const times = await store.console.messageTimes({ agent, channel: "adt", epoch: 1n, seqs });
    assert.deepEqual(times, [
      { seq: 1n, receivedMs: 100, storedMs: 9_000 },
      { seq: 2n, receivedMs: 200, storedMs: 300 },
    ]);
  });

  test(`[01 Receive] ${name}: what was sent down is read from its newest`, async () => {
    await using store = await open();
    const [agent = 0] = await withAgents(store, ["ward-1"]);
    const body = new Uint8Array([1]);
    const call = { agent, channel: "orders", meta: "{}", body, atMs: 8 };
    for (const key of ["a", "b", "c"]) {
      await store.enqueue({ ...call, key, sha256: hash("sha256", body, "buffer") });
    }
    const read = (before: number) =>
      store.console.recentOutgoing({ agent, channel: "orders", before, limit: 2 });
    const first = await read(Number.MAX_SAFE_INTEGER);
    assert.deepEqual(
      first.map(({ key }) => key),
      ["c", "b"],
    );
    const rest = await read(first.at(-1)?.id ?? 0);
    assert.deepEqual(
      rest.map(({ key, bytes, queuedAtMs, settledAtMs, epoch, seq }) => [
        ...[key, bytes, queuedAtMs, settledAtMs, epoch, seq],
      ]),
      [["a", 1, 8, null, 1n, 1n]],
    );
  });

  test(`[01 Receive] ${name}: an item is kept once, and one of all who take it gets it`, async () => {
    await using store = await open();
    const { console: records } = store;
    const keep = async (change: Partial<KeepItemCall>) => records.keepItem({ ...LINK, ...change });
    assert.deepEqual(await keep({}), { kind: "ok", isKept: true });
    assert.deepEqual(await keep({}), { kind: "ok", isKept: false });
    assert.deepEqual(await keep({ isNew: false, body: '{"a":1}' }), { kind: "ok", isKept: true });
    const taken = await Promise.all([1, 2, 3].map(() => records.takeItem(LINK)));
    const items = taken.map((one) => ("item" in one ? one.item : undefined));
    assert.deepEqual(items.filter(Boolean), [
      { kind: "link", key: "k1", body: '{"a":1}', expiresMs: 100 },
    ]);
    // What was ended stays ended.
    assert.deepEqual(await keep({ isNew: false }), { kind: "ok", isKept: false });
    await keep({ key: "k2", expiresMs: 50 });
    await keep({ kind: "session", key: "k2" });
    await keep({ key: "k3", atMs: 60 });
    const keys = (await records.items({ kind: "link", key: null })).map(({ key }) => key);
    assert.deepEqual(keys, ["k3"]);
    assert.equal((await records.items({ kind: "session", key: "k2" })).length, 1);
    assert.deepEqual(await records.items({ kind: "session", key: "k3" }), []);
  });

  test(`[01 Receive] ${name}: items are bounded`, async () => {
    await using store = await open();
    const all = Array.from({ length: CONSOLE_ITEMS_MAX_COUNT }, (_, at) =>
      store.console.keepItem({ ...LINK, key: `k${at}` }),
    );
    await Promise.all(all);
    const more = await store.console.keepItem({ ...LINK, key: "one-more" });
    assert.deepEqual(more, { kind: "ok", isKept: false });
  });

  test(`[01 Receive] ${name}: what people did is read from its newest`, async () => {
    await using store = await open();
    const entry = {
      atMs: 1,
      who: "Ana",
      role: "viewer",
      action: "signedIn",
      agent: "",
      detail: "",
    };
    for (const atMs of [1, 2, 3]) await store.console.addEntry({ ...entry, atMs });
    const first = await store.console.entries({ before: Number.MAX_SAFE_INTEGER, limit: 2 });
    assert.deepEqual(
      first.map(({ atMs }) => atMs),
      [3, 2],
    );
    const rest = await store.console.entries({ before: first.at(-1)?.id ?? 0, limit: 2 });
    assert.deepEqual(
      rest.map(({ id: _, ...one }) => one),
      [entry],
    );
  });
}
