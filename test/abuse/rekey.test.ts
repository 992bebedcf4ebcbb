/** The key-encryption key is replaced, and everything goes wrong meanwhile (08 2.3, 2.5). @module */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { askLocal } from "#agent/host/local-socket.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { kekFileBeside } from "#test/faults/sealed-store.ts";
import { inspectStore } from "#test/faults/stored-messages.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";

const ROUNDS = 8;

async function send(folder: AgentFolder, controlId: string): Promise<void> {
  const answer = await sendOnce(folder.port, latin1(adt(controlId)));
  assert.deepEqual(answer, { kind: "accepted", controlId });
}

const holdfast = (...args: readonly string[]): Started =>
  new Started([process.execPath, programFile("agent/main.ts"), ...args]);

describe("replacing the key-encryption key", () => {
  test("[R06] all of it opens with the new key, and nothing with a copy of the old one", async () => {
    using folder = await AgentFolder.make();
    const file = kekFileBeside(folder.stateDir);
    const old = readFileSync(file);
    {
      await using agent = await folder.start();
      await send(folder, "BEFORE");
      await using command = holdfast("rekey", "--json", "--config", folder.config);
      assert.deepEqual(JSON.parse(await command.ready()), { custody: "file" });
      assert.equal((await command.ended).code, 0);
      await send(folder, "AFTER");
      assert.equal((await agent.end("SIGTERM")).code, 0);
    }
    assert.notDeepEqual(readFileSync(file), old);
    assert.deepEqual(readdirSync(join(file, "..")), ["holdfast.kek"]);
    const { bodies, reasons } = inspectStore(folder.stateDir);
    assert.deepEqual([reasons, [...bodies.keys()].sort()], [[], ["AFTER", "BEFORE"]]);
    const withOld = inspectStore(folder.stateDir, Buffer.from(old.toString().trim(), "hex"));
    assert.equal(withOld.bodies.size, 0);
  });

  test("[R06] killed at a random moment of it, it starts again, opens all, and can be completed", async () => {
    using folder = await AgentFolder.make();
    const sent: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await using agent = await folder.start();
      const controlId = `ROUND${round}`;
      await send(folder, controlId);
      sent.push(controlId);
      const asked = askLocal(folder.stateDir, { ask: "rekey" }).catch(() => undefined);
      // Each start has made a key more; the later rounds take some milliseconds.
      await pause(Math.random() * 12);
      await agent.end("SIGKILL");
      await asked;
    }
    await using agent = await folder.start();
    const reply = (await askLocal(folder.stateDir, { ask: "rekey" })) as { answer: unknown };
    assert.deepEqual(reply.answer, { done: { custody: "file" } });
    assert.equal((await agent.end("SIGTERM")).code, 0);
    const { bodies, reasons } = inspectStore(folder.stateDir);
    assert.deepEqual(reasons, []);
    assert.deepEqual([...bodies.keys()].sort(), sent);
    assert.deepEqual(readdirSync(join(kekFileBeside(folder.stateDir), "..")), ["holdfast.kek"]);
  });

  test("[R06] where the folder of the key cannot be written it says so, and goes on with the old key", async () => {
    using folder = await AgentFolder.make();
    const file = kekFileBeside(folder.stateDir);
    const old = readFileSync(file);
    // In the way of what is written first; rights do not hold back root, as whom tests may run.
    mkdirSync(`${file}.next.new`);
    await using agent = await folder.start();
    await using command = holdfast("rekey", "--config", folder.config);
    assert.equal((await command.ended).code, 77);
    assert.match(command.errors, /KEK_NOT_REPLACED/);
    assert.match(command.errors, /sysCode=/);
    await send(folder, "ON");
    assert.deepEqual(readFileSync(file), old);
    rmdirSync(`${file}.next.new`);
    await using again = holdfast("identity", "rekey", "--config", folder.config);
    assert.equal((await again.ended).code, 0);
    assert.equal((await agent.end("SIGTERM")).code, 0);
    assert.deepEqual(inspectStore(folder.stateDir).reasons, []);
    assert.equal(existsSync(`${file}.next`), false);
  });
});
