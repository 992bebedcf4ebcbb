/** Signed by an engineer, carried by a receiver that is not believed, answered within what the hospital allows: whole programs. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { agentStatus } from "#test/support/processes.ts";
import { QuestionedPair } from "#test/support/questioned-pair.ts";

test("[08 4.4] [TP36] sign, ask, answer: counters and states, recorded before and after, kept as they left", async () => {
  await using pair = await QuestionedPair.open();
  const status = pair.answer<{ version: string; tunnel: { state: string } }>("status.get");
  assert.deepEqual([status.version, status.tunnel.state], ["0.1.0", "streaming"]);
  const clock = pair.answer<{ isSuspect: boolean; receiverAheadMs: number }>("clock.check");
  assert.deepEqual([clock.isSuspect, Math.abs(clock.receiverAheadMs) < 60_000], [false, true]);
  const disk = pair.answer<{ custody: string; flushMs: number[] }>("disk.check");
  assert.deepEqual([disk.custody, disk.flushMs.length], ["file", 3]);
  const file = pair.sign("outbox.stats");
  const first = pair.ask(file);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(pair.ask(file).stdout, first.stdout, "the receiver has it already");
  const recorded = pair.audit().filter(({ action }) => action.startsWith("question."));
  assert.deepEqual(
    recorded.map(({ action, decision }) => `${action} ${decision}`),
    ["status.get", "clock.check", "disk.check", "outbox.stats"].flatMap((op) => [
      ...[`question.accepted ${op}`, `question.answered ${op}`],
    ]),
  );
  const left = first.stdout.trimEnd();
  assert.equal(recorded.at(-1)?.reason, `sha256 ${hash("sha256", left)}`);
  const shown = pair.hospital("support", "show", "4");
  assert.equal(shown.stdout.trimEnd(), left, "the exact bytes");
});

test("[D05] support off refuses everything, survives kill and restart, and is undone at the machine alone", async () => {
  await using pair = await QuestionedPair.open();
  const off = pair.hospital("support", "off");
  assert.deepEqual([off.status, off.stderr], [0, ""]);
  assert.ok(existsSync(join(pair.stateDir, "support-off")));
  await pair.stop("SIGKILL");
  await pair.start();
  const refused = pair.ask(pair.sign("status.get"));
  assert.equal(refused.status, 77);
  assert.match(refused.stderr, /QUESTION_REFUSED code=SUPPORT_OFF/);
  const { conditions } = await agentStatus(pair.pair.agentConfig);
  assert.ok(conditions.some(({ condition }) => condition === "supportOff"));
  // From outside there is nothing that turns it on.
  for (const op of ["support.on", "supportOn", "support.open"]) {
    assert.match(pair.ask(pair.sign(op)).stderr, /code=OP_NOT_ALLOWED/);
  }
  assert.equal(pair.hospital("support", "on").status, 0);
  pair.answer("status.get");
  const actions = pair.audit().map(({ action }) => action);
  for (const action of ["support.off", "support.foundOff", "support.on", "question.refused"]) {
    assert.ok(actions.includes(action), action);
  }
});
