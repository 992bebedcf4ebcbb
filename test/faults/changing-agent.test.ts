/** The process dies while its channels change: the store opens afterwards, whichever set was on its way (07 2.10). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, until } from "#test/support/processes.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const CHANGING = join(import.meta.dirname, "changing-agent/changing-agent.ts");
const ROUNDS = 3;

test(`[U20] killed ${ROUNDS} times in the middle of changes, an agent starts again with all that it acknowledged`, async () => {
  using folder = await AgentFolder.make();
  const acknowledged: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await using agent = new Started([process.execPath, CHANGING, folder.config]);
    await agent.ready();
    await using socket = await MllpSocket.open(folder.port);
    let isOver = false;
    let count = 0;
    const sending = (async () => {
      while (!isOver) {
        const controlId = `R${round}-${count + 1}`;
        await socket.send(framed(adt(controlId)));
        await socket.acknowledged(count + 1);
        count += 1;
        acknowledged.push(controlId);
      }
    })().catch(() => {});
    await until("it acknowledges", () => count > 2);
    // Anywhere in one of many changes, which take some 20 ms each.
    await pause(round * 17);
    await agent.end("SIGKILL");
    isOver = true;
    await sending;
    assert.equal(agent.errors, "");
  }
  await using store = await TestOutbox.open({
    ...{ stateDir: folder.stateDir, kek: folder.kek, channels: [{ name: "adt" }] },
  });
  const bodies = await store.bodies(1);
  // One of each round may be here whose acknowledgment was lost.
  const missing = acknowledged.filter((controlId) => !bodies.includes(adt(controlId)));
  assert.deepEqual(missing, []);
  assert.ok(bodies.length <= acknowledged.length + ROUNDS);
  const { channels, missing: gone } = await store.outbox.standing();
  assert.deepEqual(gone, []);
  assert.ok(channels.length > 2 * ROUNDS, `${channels.length} channels`);
  assert.ok(channels.every(({ epoch }) => epoch === 1n));
});
