import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ReceiverError } from "#receiver/errors.ts";
import { PostgresServer, withoutPostgres } from "../support/postgres.ts";
import { Caller } from "../support/store-suite.ts";

const skip = withoutPostgres();

describe("PostgreSQL store, and values that it cannot hold", { skip }, async () => {
  if (skip !== false) return;
  const server = await PostgresServer.start();
  after(() => server[Symbol.asyncDispose]());

  test("[S9] a text with a NUL refuses its own call, reading or writing, and ends no store", async () => {
    await using store = await server.openNewStore();
    const caller = await Caller.greet(store);
    await caller.open(1n);
    let failure: ReceiverError | undefined;
    void store.failed.then((error) => {
      failure = error;
    });
    const { agent } = caller;
    const key = { outlet: "lab\0", agent, channel: "adt" };
    const calls = [
      () => store.findAgent({ tenant: "north", name: "\0" }),
      () => store.findPosition(key),
      () => store.movePosition({ ...key, epoch: 1n, seq: 1n, atMs: 1, isRewind: false }),
      () => caller.open(1n, null, "a\0t"),
    ];
    for (const call of calls) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof ReceiverError);
        assert.deepEqual([error.code, error.facts], ["STORE_DATABASE", { error: "22021" }]);
        return true;
      });
    }
    const stored = await caller.ingest(1n, 1n, "a");
    assert.equal(stored.kind, "ok");
    assert.deepEqual(await caller.stored(), ["1.1:a"]);
    assert.equal(failure, undefined);
  });
});
