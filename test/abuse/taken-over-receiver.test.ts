/** 08 9, D10, its short form; `npm test -- --long` has the long one. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { GROWN_MAX_BYTES, TakenOverReceiver } from "./taken-over-receiver.ts";

const ROUNDS = 60;

test("[D10] [I15] [I16] a receiver that was taken over sends every frame there is: refusals and alarms, no message lost, nothing changed, ingest goes on", async () => {
  await using receiver = await TakenOverReceiver.open();
  const { events, frames, connections, grownBytes } = await receiver.attack(
    ROUNDS,
    randomInt(2 ** 31),
  );
  assert.ok(
    connections >= ROUNDS && frames > ROUNDS,
    `${connections} connections, ${frames} frames`,
  );
  assert.ok(grownBytes < GROWN_MAX_BYTES, `${grownBytes} bytes more`);
  assert.ok((events["tunnelLost"] ?? 0) > 0, "refused");
  for (const never of ["agentFailed", "taskFailed", "configState", "supportChanged", "replayed"]) {
    assert.equal(events[never], undefined, never);
  }
});
