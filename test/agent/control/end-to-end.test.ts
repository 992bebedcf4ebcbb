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

test("[D05] [08 4.2] logs and probes only inside a window that a person opens, and it ends with the process", async () => {
  await using pair = await QuestionedPair.open("policy:\n  support: { consentLevel: 2 }\n");
  const excerpt = (): ReturnType<QuestionedPair["ask"]> =>
    pair.ask(pair.sign("log.excerpt", { codes: ["tunnelState"] }));
  assert.match(excerpt().stderr, /code=CONSENT/);
  assert.equal(pair.hospital("support", "open", "--hours", "5", "--ticket", "T-1").status, 65);
  const opened = pair.hospital("support", "open", "--hours", "1", "--ticket", "T-1");
  assert.equal(opened.status, 0, opened.stderr);
  assert.match(opened.stdout, /a window is open until .*ticket T-1/);
  const shown = excerpt();
  assert.equal(shown.status, 0, shown.stderr);
  const { answer } = JSON.parse(shown.stdout) as { answer: { events: { event: string }[] } };
  assert.ok(answer.events.length > 0);
  assert.ok(answer.events.every(({ event }) => event === "tunnelState"));
  const probed = pair.answer<{ use: string; certificates: unknown[] }>("tls.probe", { host: 0 });
  assert.deepEqual([probed.use, probed.certificates.length > 0], ["receiver", true]);
  assert.match(pair.ask(pair.sign("dns.probe", { host: 0 })).stderr, /FAILED code=PROBE_RATE/);
  await pair.stop();
  await pair.start();
  assert.match(excerpt().stderr, /code=CONSENT/);
});
