/**
 * An old copy of the agent's state is put back under a receiver that runs, or of the receiver's under the
 * agent: a new epoch, the range that is gone named, no message taken for another, none lost (T-S15, T-C06).
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { END_UNKNOWN } from "#agent/outbox/epochs/missing.ts";
import { damageRecord, epochsOf, movedTo, trimAt } from "#test/support/epoch-rows.ts";
import { names } from "#test/support/feed-bench.ts";
import { until } from "#test/support/processes.ts";
import { appendTo, entryOf } from "#test/support/test-outbox.ts";
import { Scene } from "./restored-scene.ts";

describe("an old copy of the agent's state", () => {
  test("[T-S15, S17, TP17] the database alone: the mark names what is gone, the receiver what it never got", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 5));
    await scene.copyAgent("outbox");
    await scene.deliver(...names(6, 2));
    await scene.append(...names(8, 2));
    await scene.restoreAgent("outbox", true);
    assert.deepEqual(await scene.missing(), ["1 6-9"]);
    await scene.append("N1", "N2");
    await scene.deliver("N3");
    assert.deepEqual(await epochsOf(scene.line.store), ["1 draining 9", "2 current -"]);
    assert.deepEqual(await scene.gaps(), ["1 rolledBack 8-9"]);
    await scene.holds(...names(1, 7), "N1", "N2", "N3");
  });

  test("[T-S15, S17] the database alone, nothing of the lost range undelivered: no gap at the receiver", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 3));
    await scene.copyAgent("outbox");
    await scene.deliver(...names(4, 4));
    await scene.restoreAgent("outbox", true);
    assert.deepEqual(await scene.missing(), ["1 4-7"]);
    await scene.deliver("N1");
    assert.deepEqual(await scene.gaps(), []);
    await scene.holds(...names(1, 7), "N1");
  });

  test("[T-S15, TP18, RI6] what the old copy had unsettled comes again, and is recognised", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 3));
    await scene.append(...names(4, 2));
    await scene.copyAgent("outbox");
    await scene.deliver(...names(6, 2));
    await scene.restoreAgent("outbox", true);
    await scene.append("N1");
    await scene.connect();
    await scene.drained();
    assert.deepEqual(await scene.gaps(), []);
    assert.equal((await scene.line.store.tail()).epoch, 3n);
    assert.deepEqual(scene.line.tunnel.conditions.list(), [], "the parting is over");
    await scene.holds(...names(1, 7), "N1");
  });

  test("[S17, TP31] a last message that cannot be read is noted as lost and skipped: what comes behind it leaves", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 2));
    await scene.append("M3", "BROKEN");
    await scene.line.store.close();
    damageRecord(scene.line.store, 4n);
    await scene.line.store.reopen();
    assert.deepEqual(await scene.missing(), ["1 4-4"]);
    await scene.append("N1");
    await scene.connect();
    await scene.drained();
    assert.deepEqual(await scene.gaps(), ["1 damaged 4-4"]);
    assert.deepEqual(await scene.line.agent.stored(), [...names(1, 2), "M3", "N1"]);
  });

  test("[S17, S19] a restored store without a mark says that nobody knows how much is gone", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 2));
    await scene.line.store.close();
    scene.line.markRestored();
    rmSync(join(scene.line.store.stateDir, "outbox/high-water"));
    await scene.line.store.reopen();
    // Newest first: of the other channel, which holds nothing, nobody knows either.
    const both = [`1 1-${END_UNKNOWN}`, `1 3-${END_UNKNOWN}`];
    assert.deepEqual(await scene.missing(), both);
    await scene.line.store.reopen();
    assert.deepEqual(await scene.missing(), both, "it is said once");
    await scene.deliver("N1");
    await scene.holds(...names(1, 2), "N1");
  });

  test("[S17, TP18] a store that was put back together with its mark learns from the receiver that something is gone", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 2));
    await scene.copyAgent("");
    await scene.deliver(...names(3, 2));
    await scene.restoreAgent("", false);
    assert.deepEqual(await scene.missing(), []);
    await scene.append("N1");
    await scene.connect();
    await scene.drained();
    assert.deepEqual(await scene.missing(), [`1 4-${END_UNKNOWN}`]);
    await scene.holds(...names(1, 4), "N1");
  });

  for (const [what, part] of [
    ["database and mark", "outbox"],
    ["the whole state folder with its keys", ""],
  ] as const) {
    for (const [than, count] of [
      ["fewer messages than were lost", 1],
      ["as many", 3],
      ["more", 6],
    ] as const) {
      test(`[T-S15, TP15, TP18] ${what}, then ${than}: each new message arrives, under a new number`, async () => {
        await using scene = await Scene.open();
        await scene.deliver(...names(1, 4));
        await scene.copyAgent(part);
        await scene.deliver(...names(5, 3));
        await scene.restoreAgent(part, false);
        assert.deepEqual(await scene.missing(), [], "nothing here knows of it");
        const fresh = Array.from({ length: count }, (_, index) => `N${index}`);
        await scene.deliver(...fresh);
        assert.deepEqual(await scene.gaps(), []);
        assert.deepEqual((await epochsOf(scene.line.store)).at(-1), "2 current -");
        await scene.holds(...names(1, 7), ...fresh);
      });
    }
  }

  test("[T-S15, S19, TP17] restored where no mark says how far it had been: the receiver notes that its end is not known", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 3));
    await scene.copyAgent("outbox");
    await scene.deliver("M4");
    await scene.restoreAgent("outbox", false);
    await scene.line.store.close();
    scene.line.markRestored();
    rmSync(join(scene.line.store.stateDir, "outbox/high-water"));
    await scene.line.store.reopen();
    await scene.deliver("N1");
    assert.deepEqual(await scene.gaps(), ["1 rolledBack 5-null"]);
    await scene.holds(...names(1, 4), "N1");
  });

  test("[T-S15, TP17] a new store under a known identity, its mark gone as well: nothing is settled by a number", async () => {
    for (const fresh of [[], ["N1"], ["N1", "N2", "N3", "N4"]]) {
      await using scene = await Scene.open();
      await scene.deliver(...names(1, 3));
      await scene.line.store.close();
      rmSync(join(scene.line.store.stateDir, "outbox"), { recursive: true });
      await scene.line.store.reopen();
      await scene.append(...fresh);
      await scene.connect();
      await movedTo(scene.line.store, 2n);
      await scene.drained();
      await scene.line.closeTunnel();
      assert.deepEqual(await scene.gaps(), []);
      await scene.deliver("N9");
      await scene.holds(...names(1, 3), ...fresh, "N9");
    }
  });

  test("[T-S15, S17, TP17] a new store beside the old mark: what the receiver did not get is a gap", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 3));
    await scene.append(...names(4, 2));
    await scene.line.store.close();
    for (const name of ["holdfast.db", "holdfast.db-wal"]) {
      rmSync(join(scene.line.store.stateDir, "outbox", name), { force: true });
    }
    await scene.line.store.reopen();
    assert.deepEqual(await scene.missing(), ["1 1-5"]);
    await scene.deliver("N1", "N2");
    assert.deepEqual(await scene.gaps(), ["1 rolledBack 4-5"]);
    await scene.holds(...names(1, 3), "N1", "N2");
  });

  test("[T-S12, T-S15] killed again and again on the way to the new epoch, and connected in between", async () => {
    await using scene = await Scene.open();
    const padded = (name: string): string => name.padEnd(3_000, ".");
    await scene.deliver(...names(1, 3));
    await scene.copyAgent("outbox");
    await scene.deliver(...names(4, 2));
    await scene.restoreAgent("outbox", false);
    const fresh = Array.from({ length: 1_200 }, (_, index) => padded(`F${index}.`));
    await Promise.all(
      fresh.map((body) =>
        appendTo(scene.line.store.outbox, entryOf({ controlId: body.slice(0, 40), body }), 60_000),
      ),
    );
    const { store } = scene.line;
    for (const waitMs of [150, 80, 50, 20]) {
      await scene.connect();
      await until("the move has begun, or is over", async () => {
        const { filling, epoch } = await store.tail();
        return filling !== undefined || epoch > 1n;
      });
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await scene.line.dropTunnel();
      await store.kill();
    }
    await store.reopen();
    await scene.deliver("last");
    assert.deepEqual(await scene.gaps(), []);
    await scene.holds(...names(1, 5), ...fresh, "last");
  });
});

describe("an old copy of the receiver's state", () => {
  test("[T-C06, TP37] what it has lost is sent again from retention", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 3));
    await scene.copyReceiver();
    await scene.deliver(...names(4, 4));
    await scene.restoreReceiver();
    assert.deepEqual(await scene.line.agent.stored(), names(1, 3));
    await scene.deliver("M8");
    assert.deepEqual(await scene.gaps(), []);
    assert.deepEqual(await epochsOf(scene.line.store), ["1 current -"]);
    await scene.holds(...names(1, 8));
  });

  test("[T-C06, TP31, TP37] what is pruned here is a gap there, and the chain goes on behind it", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 2));
    await scene.copyReceiver();
    await scene.deliver(...names(3, 4));
    await scene.restoreReceiver();
    await scene.line.store.close();
    trimAt(scene.line.store, 5n);
    await scene.line.store.reopen();
    await scene.deliver("M7");
    assert.deepEqual(await scene.gaps(), ["1 pruned 3-5"]);
    await scene.deliver("M8");
    assert.deepEqual(await epochsOf(scene.line.store), ["1 current -"], "the chains still agree");
    await scene.holds("M1", "M2", ...names(6, 3));
  });

  test("[T-C06, TP16, TP17] put back into an earlier epoch, it is led through all that followed", async () => {
    await using scene = await Scene.open();
    await scene.deliver(...names(1, 3));
    await scene.copyReceiver();
    await scene.deliver("M4");
    for (const first of [5, 7]) {
      await scene.line.store.close();
      scene.line.markRestored();
      await scene.line.store.reopen();
      await scene.deliver(...names(first, 2));
    }
    assert.equal((await scene.line.store.tail()).epoch, 3n);
    await scene.restoreReceiver();
    await scene.deliver("M9");
    await until("all have arrived", async () => (await scene.line.agent.stored()).length >= 9);
    assert.deepEqual(await scene.gaps(), []);
    await scene.holds(...names(1, 9));
  });

  test("[T-C06, TP37] a receiver with an empty store gets every epoch of which anything is kept", async () => {
    await using scene = await Scene.open();
    await scene.copyReceiver();
    await scene.deliver(...names(1, 3));
    await scene.line.store.close();
    scene.line.markRestored();
    await scene.line.store.reopen();
    await scene.deliver("M4");
    await scene.restoreReceiver();
    await scene.deliver("M5");
    await until("all have arrived", async () => (await scene.line.agent.stored()).length >= 5);
    assert.deepEqual(await scene.gaps(), []);
    await scene.holds(...names(1, 5));
  });

  test("[T-C06, TP17] a receiver with an empty store takes the current epoch where nothing older is kept, and knows what it has not", async () => {
    await using scene = await Scene.open();
    await scene.copyReceiver();
    await scene.deliver(...names(1, 3));
    await scene.line.store.close();
    scene.line.markRestored();
    trimAt(scene.line.store, 3n);
    await scene.line.store.reopen();
    await scene.restoreReceiver();
    await scene.deliver("M4");
    assert.deepEqual(await scene.gaps(), ["1 storeReplaced 1-3"]);
    await scene.holds("M4");
  });
});
