/** A folder channel over the real store: what is written is what the receiver sent, across kills (04 P54, P57; 03 O1, O10). */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { FolderSender } from "#agent/deliver/folder-sender.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { type Changed, FOLDER_SETTINGS } from "#test/support/folder-bench.ts";
import { adt } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { TargetFolder } from "#test/support/target-folder.ts";
import { itemOf, openInbox, reportsOf, Source } from "#test/support/test-inbox.ts";
import type { TestOutbox } from "#test/support/test-outbox.ts";

function deliver(made: TestOutbox, target: TargetFolder, changed: Changed = {}): FolderSender {
  const { outlet, ...rest } = changed;
  const { folder } = target;
  return FolderSender.open({
    channel: "orders",
    settings: {
      ...{ ...FOLDER_SETTINGS, ...rest },
      outlet: { ...FOLDER_SETTINGS.outlet, folder, ...outlet },
    },
    queue: made.outbox.inbox.queueOf("orders"),
    ...{ clock: systemClock, log: silentLog, conditions: new Conditions() },
    chance: { unit: () => 0, bytes: (count) => new Uint8Array(count) },
    // A store that is killed answers nothing more: that ends the sender's work, not the test.
    tasks: new Tasks(() => {}),
  });
}

async function reported(made: TestOutbox): Promise<string[]> {
  return (await reportsOf(made)).map(({ outcome, reason, code, flags }) =>
    [outcome, reason, code, flags].flat().filter(Boolean).join(" "),
  );
}

/** Names without the time in front. */
const idsOf = (target: TargetFolder): string[] =>
  target.names.map((name) => name.split("_").slice(2).join("_"));

test("[P53, P59, O10, TP34] messages of the receiver lie in the folder as they came, and their outcomes are reported", async () => {
  await using made = await openInbox();
  using target = new TargetFolder();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  const large = `${adt("M2")}${"OBX|1|TX|||0123456789\r".repeat(20_000)}`;
  await source.sent(1n, adt("M1", "\x0b\x1c\xe4"), large);
  await using sender = deliver(made, target);
  // One more comes while it runs.
  await source.sent(3n, "%PDF-1.7");
  await until("three reports", async () => (await reportsOf(made)).length === 3);
  assert.deepEqual(await reported(made), ["accepted", "accepted", "accepted"]);
  assert.deepEqual(idsOf(target), ["1-1.hl7", "1-2.hl7", "1-3.bin"]);
  const bodies = target.names.map((name) => readFileSync(target.path(name), "latin1"));
  assert.deepEqual(bodies, [adt("M1", "\x0b\x1c\xe4"), large, "%PDF-1.7"]);
  assert.equal(sender.status.counters.accepted, 3);
});

test("[P55] the name that travels with a message comes out of the store as it was", async () => {
  await using made = await openInbox();
  using target = new TargetFolder();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  const meta = JSON.stringify({ attributes: { "file.name": "Müller.pdf" } });
  await source.sent(1n, itemOf("%PDF-1.7", { meta }));
  await using _sender = deliver(made, target, { useSuggestedName: true });
  await until("a report", async () => (await reportsOf(made)).length === 1);
  assert.deepEqual(target.names, ["M_ller.pdf"]);
});

test("[P57, O1] store and sender are killed between name and settle: no second file, no flag, order kept", async () => {
  await using made = await openInbox();
  using target = new TargetFolder();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, adt("M1"), adt("M2"));
  const queue = made.outbox.inbox.queueOf("orders");
  const { folder } = target;
  const first = FolderSender.open({
    channel: "orders",
    settings: { ...FOLDER_SETTINGS, outlet: { ...FOLDER_SETTINGS.outlet, folder } },
    // It dies before it can say so.
    queue: Object.assign(Object.create(queue), {
      ...{ next: () => queue.next(), head: (id: number) => queue.head(id) },
      ...{ claim: (id: number) => queue.claim(id), held: () => queue.held() },
      body: (...asked: Parameters<typeof queue.body>) => queue.body(...asked),
      ...{ settle: () => new Promise(() => {}), onArrival: () => {} },
    }),
    ...{ clock: systemClock, log: silentLog, conditions: new Conditions() },
    chance: { unit: () => 0, bytes: (count) => new Uint8Array(count) },
    tasks: new Tasks(() => {}),
  });
  await until("the first is there", () => target.names.length === 1);
  await made.kill();
  first.abort();
  await made.reopen();
  await using _second = deliver(made, target);
  await until("two reports", async () => (await reportsOf(made)).length === 2);
  assert.deepEqual(await reported(made), ["accepted", "accepted"]);
  assert.deepEqual(idsOf(target), ["1-1.hl7", "1-2.hl7"]);
});

test("[P56, O5, O10] a hold for a taken name survives a kill, and giving up is reported with its reason", async () => {
  await using made = await openInbox();
  using target = new TargetFolder();
  const source = new Source(() => made.outbox.inbox);
  await source.opened();
  await source.sent(1n, adt("M1"), adt("M2"));
  const changed: Changed = { nameTemplate: "{id}.{ext}", outlet: { onCollision: "hold" } };
  writeFileSync(target.path("1-1.hl7"), "theirs");
  const first = deliver(made, target, changed);
  await until("held", () => first.status.state === "held");
  await made.kill();
  first.abort();
  await made.reopen();
  await using second = deliver(made, target, changed);
  await until("held again", () => second.status.state === "held");
  second.release("quarantine");
  await until("two reports", async () => (await reportsOf(made)).length === 2);
  assert.deepEqual(await reported(made), ["quarantined nameTaken byOperator", "accepted"]);
  assert.deepEqual(target.names, ["1-1.hl7", "1-2.hl7"]);
  rmSync(target.path("1-1.hl7"));
});
