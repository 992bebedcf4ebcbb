/** What is looked after while a message is being written does not interrupt it (04 P47, P54, P58). */
import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FolderBench, nameOf } from "#test/support/folder-bench.ts";
import { adt } from "#test/support/messages.ts";

/** Its folder is away while it is looked at, and back before anything else goes there. */
async function lookFails(bench: FolderBench): Promise<void> {
  const { folder, root } = bench.target;
  const away = join(root, "away");
  const count = bench.sender.status.counters.targetFailures ?? 0;
  renameSync(folder, away);
  bench.clock.advance(60_000);
  await bench.until("the look fails", () => {
    return (bench.sender.status.counters.targetFailures ?? 0) > count;
  });
  renameSync(away, folder);
  // Whatever would begin by that.
  await bench.quiet();
}

test("[P54, P58] a look that fails between two slices leaves the message alone: it is written once, whole", async () => {
  await using bench = new FolderBench();
  const { queue } = bench;
  queue.sliceBytes = 40;
  const gate = Promise.withResolvers<void>();
  let isBegun = false;
  const body = queue.body.bind(queue);
  queue.body = async (id, from, maxBytes) => {
    isBegun ||= from > 0;
    if (from > 0) await gate.promise;
    return await body(id, from, maxBytes);
  };
  const content = adt("M1", "x".repeat(100));
  queue.append(content);
  await bench.until("it is begun", () => isBegun);
  await lookFails(bench);
  assert.equal(bench.state, "writing");
  gate.resolve();
  await bench.stands("accepted");
  await bench.until("idle", () => bench.state === "idle");
  await bench.quiet();
  assert.equal(readFileSync(bench.target.path(nameOf(1)), "latin1"), content);
  assert.deepEqual([bench.faults, bench.queue.calls], [[], ["claim 1", "settle 1"]]);
  assert.equal(bench.sender.status.counters.sent, 1);
});

test("[P54, P57] nor does a message come twice that its reader takes at once", async () => {
  await using bench = new FolderBench();
  const { queue, target } = bench;
  const gate = Promise.withResolvers<void>();
  let isBegun = false;
  const claim = queue.claim.bind(queue);
  queue.claim = async (id) => {
    isBegun = true;
    await gate.promise;
    await claim(id);
  };
  queue.append(adt("M1"));
  await bench.until("it is begun", () => isBegun);
  await lookFails(bench);
  gate.resolve();
  await bench.until("it is there", () => target.names.includes(nameOf(1)));
  rmSync(target.path(nameOf(1)));
  await bench.stands("accepted");
  await bench.until("idle", () => bench.state === "idle");
  await bench.quiet();
  assert.deepEqual([target.names, bench.faults], [[], []]);
  assert.equal(bench.sender.status.counters.sent, 1);
});

test("[P47, P58] a look that fails while nothing goes there is seen at once, and so is that it is over", async () => {
  await using bench = new FolderBench();
  await bench.until("idle", () => bench.state === "idle");
  const { folder, root } = bench.target;
  renameSync(folder, join(root, "away"));
  bench.clock.advance(60_000);
  await bench.until(
    "seen",
    () => bench.state === "unreachable" && !bench.sender.status.isConnected,
  );
  renameSync(join(root, "away"), folder);
  await bench.until("over", () => bench.state === "idle" && bench.sender.status.isConnected);
  assert.deepEqual(bench.alarms, []);
});
