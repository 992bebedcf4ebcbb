/** 08 9, D10: as the short form, for some thousand connections; `SEED=` plays one again. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { GROWN_MAX_BYTES, TakenOverReceiver } from "./taken-over-receiver.ts";

const ROUNDS = 3_000;

test("[D10] three thousand connections of a receiver that was taken over", async () => {
  await using receiver = await TakenOverReceiver.open();
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  const { frames, grownBytes } = await receiver.attack(ROUNDS, seed);
  assert.ok(frames > ROUNDS, `seed ${seed}`);
  assert.ok(grownBytes < GROWN_MAX_BYTES, `seed ${seed}: ${grownBytes} bytes more`);
});
