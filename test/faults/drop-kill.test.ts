/** The agent dies without a word, again and again, while files are dropped: each is delivered once, and archived once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dropKills } from "./drop-kill/drop-kill.ts";

const SEED = 1;
const FILES = 400;
const KILLS = 6;

test(`[T-S03, T-I04, P1, P17, P20, P24, P51] ${FILES} files are delivered once and archived once through ${KILLS} kills of the agent, seed ${SEED}`, async () => {
  const { messages, caught, reasons } = await dropKills({
    ...{ seed: SEED, files: FILES, kills: KILLS },
  });
  assert.deepEqual(reasons.slice(0, 10), []);
  assert.ok(messages > FILES);
  assert.ok(caught > 0, "no file was at work when the agent was killed");
});
