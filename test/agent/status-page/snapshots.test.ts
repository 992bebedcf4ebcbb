import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Tasks } from "#agent/host/tasks.ts";
import type { AgentStatus } from "#agent/status.ts";
import { Snapshots } from "#agent/status-page/snapshots.ts";
import { agentStatus } from "#test/support/agent-status.ts";
import { ManualClock } from "#test/support/clocks.ts";

/** An agent whose answers a test holds in its hand. */
class Asked {
  readonly clock = new ManualClock();
  readonly tasks = new Tasks((_name, error) => assert.fail(String(error)));
  readonly faults: string[] = [];
  looks = 0;
  answer: () => Promise<AgentStatus> = () => Promise.resolve(agentStatus());
  readonly snapshots = new Snapshots({
    clock: this.clock,
    tasks: this.tasks,
    log: { write: () => {}, fault: (event, { code }) => void this.faults.push(`${event} ${code}`) },
    status: () => {
      this.looks += 1;
      return this.answer();
    },
  });
}

describe("[PL8] the snapshot", () => {
  test("is made once for everybody who looks within a second", async () => {
    const asked = new Asked();
    const found = await Promise.all([1, 2, 3].map(() => asked.snapshots.take()));
    asked.clock.advance(999);
    found.push(await asked.snapshots.take());
    assert.deepEqual([asked.looks, new Set(found).size], [1, 1]);
    asked.clock.advance(1);
    assert.notEqual(await asked.snapshots.take(), found[0]);
    assert.equal(asked.looks, 2);
  });

  test("of a store that hangs it is the last one, said to be old, and nobody asks twice meanwhile", async () => {
    const asked = new Asked();
    const first = await asked.snapshots.take();
    const hung = Promise.withResolvers<AgentStatus>();
    asked.answer = () => hung.promise;
    asked.clock.advance(1_000);
    const [one, other] = [asked.snapshots.take(), asked.snapshots.take()];
    asked.clock.advance(2_000);
    const old = await one;
    assert.deepEqual([old?.isOld, old?.takenAtMs], [true, first?.takenAtMs]);
    assert.equal(await other, old);
    assert.equal(asked.looks, 2);
    hung.resolve(agentStatus({ pid: 5 }));
    await asked.tasks[Symbol.asyncDispose]();
    const after = await asked.snapshots.take();
    assert.deepEqual([after?.isOld, after?.status.pid], [false, 5]);
  });

  test("of a store that never answered there is none, and the asker is not kept waiting", async () => {
    const asked = new Asked();
    const hung = Promise.withResolvers<AgentStatus>();
    asked.answer = () => hung.promise;
    const taken = asked.snapshots.take();
    asked.clock.advance(2_000);
    assert.equal(await taken, undefined);
    hung.resolve(agentStatus());
    await asked.tasks[Symbol.asyncDispose]();
  });

  test("a status that cannot be made ends nothing: it is logged, and tried again", async () => {
    const asked = new Asked();
    await asked.snapshots.take();
    asked.answer = () => Promise.reject(new Error("WINDMUELLER^ANNA"));
    asked.clock.advance(1_000);
    assert.equal((await asked.snapshots.take())?.isOld, true);
    assert.deepEqual(asked.faults, ["statusPageFailed AGENT_DEFECT"]);
    asked.answer = () => Promise.resolve(agentStatus());
    asked.clock.advance(1_000);
    assert.equal((await asked.snapshots.take())?.isOld, false);
  });
});
