/** Backups are made one after another while senders do not rest, and the agent is killed in the last (10 T-S16). */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "#agent/host/clock.ts";
import { askLocal } from "#agent/host/local-socket.ts";
import { verifyBackup } from "#agent/outbox/upkeep/backup-check.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, largeAdt, latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { sendOnce } from "./mllp-sender.ts";
import { kekFileBeside, readKek } from "./sealed-store.ts";
import { inspectStore } from "./stored-messages.ts";

const BACKUPS = 3;

/** Sends, one after another, until the connection dies. @param acknowledged gets each control id with its AA */
async function load(port: number, sender: number, acknowledged: Set<string>): Promise<void> {
  for (let count = 0; ; count++) {
    const controlId = `S${sender}.${count}`;
    const large = count % 20 === 19;
    const bytes = large ? largeAdt(controlId, 1_200_000) : latin1(adt(controlId));
    const { kind } = await sendOnce(port, bytes).catch(() => ({ kind: "closed" }));
    if (kind === "closed") return;
    assert.equal(kind, "accepted");
    acknowledged.add(controlId);
  }
}

/** The backup as a state folder, for an oracle that shares no code with the agent. */
function asStateFolder(backup: string, stateDir: string): string {
  mkdirSync(join(stateDir, "outbox"), { recursive: true });
  cpSync(join(backup, "holdfast.db"), join(stateDir, "outbox/holdfast.db"));
  cpSync(join(backup, "keys"), join(stateDir, "keys"), { recursive: true });
  return stateDir;
}

test("[S19, T-S16] each holds all that was acknowledged before it began, whole; one that was cut is none", async () => {
  using folder = await AgentFolder.make();
  const { stateDir } = folder;
  const kek = readKek(kekFileBeside(stateDir));
  const acknowledged = new Set<string>();
  const cut = join(folder.path, "cut");
  {
    await using agent = await folder.start();
    const loads = [1, 2, 3].map((sender) => load(folder.port, sender, acknowledged));
    for (let made = 0; made < BACKUPS; made++) {
      const before = new Set(acknowledged);
      await until("more came", () => acknowledged.size > before.size + 30, 60_000);
      const due = new Set(acknowledged);
      const backup = join(folder.path, `backup-${made}`);
      const reply = await askLocal(stateDir, { ask: "backup", folder: backup });
      assert.partialDeepStrictEqual(reply, { answer: { done: { format: 1 } } });
      verifyBackup(backup, { current: kek }, systemClock);
      const copy = asStateFolder(backup, join(folder.path, `copy-${made}`));
      const { bodies, reasons } = inspectStore(copy, kek);
      assert.deepEqual(reasons, []);
      assert.deepEqual(
        [...due].filter((controlId) => !bodies.has(controlId)),
        [],
      );
    }
    const asked = askLocal(stateDir, { ask: "backup", folder: cut }).catch(() => undefined);
    await until("the next has begun", () => existsSync(join(cut, "holdfast.db")));
    await agent.end("SIGKILL");
    await asked;
    await Promise.all(loads);
  }
  assert.throws(() => verifyBackup(cut, { current: kek }, systemClock), {
    code: "BACKUP_NOT_FOUND",
  });
  await using agent = await folder.start();
  assert.equal((await agent.end("SIGTERM")).code, 0);
  const { bodies, reasons } = inspectStore(stateDir, kek);
  assert.deepEqual(reasons, []);
  assert.deepEqual(
    [...acknowledged].filter((controlId) => !bodies.has(controlId)),
    [],
  );
});
