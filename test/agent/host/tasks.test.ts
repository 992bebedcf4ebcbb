import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Tasks } from "#agent/host/tasks.ts";

describe("tasks", () => {
  test("disposal waits for everything that runs, also for what was started meanwhile", async () => {
    const tasks = new Tasks(() => {});
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let ended = 0;
    const end = (): void => void ended++;
    tasks.run("first", async () => {
      await first.promise;
      tasks.run("second", () => second.promise.then(end));
      end();
    });
    assert.deepEqual(tasks.names(), ["first"]);
    const disposed = tasks[Symbol.asyncDispose]().then(() => ended);
    first.resolve();
    await first.promise;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(tasks.names(), ["second"]);
    second.resolve();
    assert.equal(await disposed, 2);
    assert.deepEqual(tasks.names(), []);
    await tasks[Symbol.asyncDispose]();
  });

  test("a task that fails is told with its name, once, and disturbs no other", async () => {
    const faults: unknown[] = [];
    const tasks = new Tasks((name, error) => faults.push([name, (error as Error).message]));
    tasks.run("bad", () => Promise.reject(new Error("gone")));
    tasks.run("good", async () => {});
    await tasks[Symbol.asyncDispose]();
    assert.deepEqual(faults, [["bad", "gone"]]);
  });
});
