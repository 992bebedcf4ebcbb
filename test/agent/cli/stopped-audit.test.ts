/** The audit of an agent that does not run: after a start that was refused somebody must be able to read what happened. */
import assert from "node:assert/strict";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { StoppedAudit } from "#agent/outbox/trust/stopped-audit.ts";
import { DoorReceiver } from "#test/support/door-receiver.ts";
import { EnrollingMachine } from "#test/support/enrolling-machine.ts";

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`[A01] after ${signal} show, verify and config history read the store, which the agent then opens as before`, async () => {
    await using doors = await DoorReceiver.open();
    using machine = new EnrollingMachine(doors.url);
    const none = await machine.run("audit", "show");
    assert.deepEqual([none.code, /AGENT_NOT_RUNNING/.test(none.errors)], [69, true], none.errors);
    assert.equal((await machine.enroll(doors.token())).code, 0);
    const head = join(machine.path, "head.json");
    {
      await using agent = machine.start("run");
      await agent.ready();
      assert.equal((await machine.run("status", "--signed", head)).code, 0);
      await agent.end(signal);
    }
    const shown = await machine.run("audit", "show", "--json");
    assert.equal(shown.code, 0, shown.errors);
    assert.match(shown.errors, /No agent runs: read from its store/);
    const actions = JSON.parse(shown.out).map(({ action }: { action: string }) => action);
    assert.equal(actions[0], "agent.started");
    assert.ok(actions.includes("policy.changed"), actions.join());
    assert.equal(actions.includes("agent.stopped"), signal === "SIGTERM");
    const good = await machine.run("audit", "verify", "--head", head);
    assert.deepEqual([good.code, /is what was written/.test(good.out)], [0, true], good.out);
    assert.match(good.out, /Heads that agree or were compared: 1/);
    const history = await machine.run("config", "history", "--json");
    assert.deepEqual(
      [history.code, /policy\.changed/.test(history.out)],
      [0, true],
      history.errors,
    );
    await using agent = machine.start("run");
    await agent.ready();
    const running = await machine.run("audit", "verify", "--head", head);
    assert.deepEqual([running.code, running.errors], [0, ""]);
    assert.equal((await agent.end("SIGTERM")).code, 0);
    const db = new Sqlite(join(machine.stateDir, "outbox/holdfast.db"));
    db.exec(
      "UPDATE audit_entry SET bytes = CAST(replace(bytes, 'agent', 'AGENT') AS BLOB) WHERE seq = 1",
    );
    db.close();
    const bad = await machine.run("audit", "verify", "--head", head);
    assert.deepEqual([bad.code, /entry 1 was altered/.test(bad.out)], [65, true], bad.out);
  });
}

test("[A01] another account is refused before SQLite can leave anything beside the store", async (t) => {
  if (process.getuid?.() !== 0)
    return t.skip("not tested: another owner; only root can give files away");
  using machine = new EnrollingMachine(new URL("https://localhost:1"));
  await using doors = await DoorReceiver.open();
  using own = new EnrollingMachine(doors.url);
  assert.equal(StoppedAudit.open(machine.stateDir), undefined);
  assert.equal((await own.enroll(doors.token())).code, 0);
  await using agent = own.start("run");
  await agent.ready();
  await agent.end("SIGTERM");
  chownSync(join(own.stateDir, "outbox/holdfast.db"), 65_534, 65_534);
  assert.throws(() => StoppedAudit.open(own.stateDir), {
    ...{ code: "STORE_NOT_PERMITTED", facts: { uid: 65_534 } },
  });
});
