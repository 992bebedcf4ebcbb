/** `holdfast-receiver trace`: what went up and what came down, by control id. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { type TraceLine, traceLines } from "#receiver/report/trace.ts";
import { adt } from "#test/support/messages.ts";
import { listed } from "./support/head-suite.ts";
import { openTemporaryStore } from "./support/temporary-store.ts";

test("[E5, O10, TP35] trace finds messages in both directions, with what became of them, and no content", async () => {
  await using store = await openTemporaryStore();
  const added = await store.addAgent({ tenant: "north", name: "w", serialHex: "01", atMs: 4 });
  assert.ok("agent" in added);
  const { agent } = added;
  const pair = { storeId: new Uint8Array(16), instanceNonce: new Uint8Array(16) };
  const greeted = await store.hello({ agent: agent.id, ...pair, atMs: 5 });
  assert.ok("session" in greeted);
  const up = { agent: agent.id, session: greeted.session, channel: "adt", epoch: 1n, atMs: 6 };
  await store.open({ ...up, previous: null });
  const items = ["M1", "M2"].map((id) => {
    const body = new Uint8Array(Buffer.from(adt(id)));
    const meta = JSON.stringify({ attributes: { "hl7.controlId": id } });
    return { sha256: hash("sha256", body, "buffer"), replaces: null, receivedAtMs: 7, meta, body };
  });
  await store.ingest({ ...up, first: 1n, items });
  const body = new Uint8Array(Buffer.from(adt("M2")));
  const down = { agent: agent.id, channel: "orders", key: null, meta: "{}", body, atMs: 8 };
  await store.enqueue({ ...down, sha256: hash("sha256", body, "buffer") });
  const trace = (id: string): Promise<TraceLine[]> => listed(traceLines(store, agent, id));
  const [waiting] = (await trace("M2")).filter(({ direction }) => direction === "down");
  assert.ok(waiting?.direction === "down");
  assert.deepEqual([waiting.agentHasItAt, waiting.outcome], [null, null]);
  const report = { outcome: "accepted", code: "AA", flags: ["possibleRepeat"], settledAtMs: 9 };
  const outcome = JSON.stringify({ ...report, text: "SECRET", reply: "SECRET", reason: "a b" });
  await store.noteOutcome({ agent: agent.id, channel: "orders", epoch: 1n, seq: 1n, outcome });
  const found = await trace("M2");
  const short = found.map(({ direction, channel, epoch, seq }) => [direction, channel, epoch, seq]);
  assert.deepEqual(short, [
    ["up", "adt", "1", "2"],
    ["down", "orders", "1", "1"],
  ]);
  const [, settled] = found;
  assert.ok(settled?.direction === "down");
  const { outcome: shown } = settled;
  assert.deepEqual([shown?.outcome, shown?.code, shown?.reason], ["accepted", "AA", null]);
  assert.deepEqual(shown?.flags, ["possibleRepeat"]);
  assert.doesNotMatch(JSON.stringify(found), /SECRET/);
  assert.deepEqual(await trace("M3"), []);
});
