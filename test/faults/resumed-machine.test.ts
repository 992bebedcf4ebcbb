/** A machine that sleeps for hours and wakes up, a scanner that has files open (T-O05, as far as Linux can show it). @module */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Holder } from "#test/support/file-holder.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { until } from "#test/support/processes.ts";
import { exported, judge } from "./kill-rounds/oracle.ts";
import { SeededSenders } from "./seeded-senders.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { TroubledPair } from "./troubled-pair.ts";

const HOURS_ASLEEP = 9;
const MESSAGES = 60;
const FILES = 4;

test("[T-O05] a machine that slept for nine hours goes on: who waited is answered, and everything arrives once", {
  timeout: 120_000,
}, async (context) => {
  const made = SteppedClock.make();
  if (typeof made === "string") return context.skip(made);
  using clock = made;
  using pair = await TroubledPair.make();
  await using _receiver = await pair.receiver();
  await using agent = await pair.agent({ env: clock.env("wallClock") });
  await pair.streaming();
  using flowing = new SeededSenders({ port: pair.port, count: 4, seed: 5 });
  await flowing.more(MESSAGES);
  agent.child.kill("SIGSTOP");
  // Nobody answers; senders go on waiting while the hours pass on this machine.
  clock.set(HOURS_ASLEEP);
  const after = flowing.more(MESSAGES);
  agent.child.kill("SIGCONT");
  await after;
  const ledger = await flowing.finish();
  await pair.streaming(60_000);
  await pair.drained(60_000);
  assert.ok(ledger.acknowledged.size >= 2 * MESSAGES);
  assert.deepEqual(await judge(exported(pair.pair.receiverConfig), ledger), []);
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
});

test("[T-O05] files that another program has open from before the drop until after the archive: each goes once, and lies there once", {
  timeout: 90_000,
}, async () => {
  using pair = await TroubledPair.make({
    files: true,
    filesYaml: "    pollSeconds: 1\n    stableForSeconds: 1\n",
  });
  await using _receiver = await pair.receiver();
  await using agent = await pair.agent();
  const drop = pair.pair.folder ?? "";
  const beside = mkdtempSync(join(tmpdir(), "holdfast-beside-"));
  await using holders = new AsyncDisposableStack();
  holders.defer(() => rmSync(beside, { recursive: true }));
  for (let index = 1; index <= FILES; index++) {
    const made = join(beside, `${index}.hl7`);
    writeFileSync(made, latin1(adt(`FILE-${index}`)));
    const holder = holders.use(new Holder());
    await holder.hold(made, "all");
    renameSync(made, join(drop, `${index}.hl7`));
  }
  const archived = (): string[] =>
    readdirSync(join(pair.folder, "archive"), { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".hl7"),
    );
  await until("all are archived", () => archived().length === FILES, 60_000);
  await until(
    "and all have left",
    async () => {
      const { channels } = await pair.status();
      const own = channels.find(({ name }) => name === "files");
      return own?.lastSeq === FILES && own.waiting === 0;
    },
    30_000,
  );
  assert.deepEqual(
    readdirSync(drop).filter((name) => name.endsWith(".hl7")),
    [],
  );
  assert.deepEqual(await agent.end("SIGTERM"), { code: 0, signal: null });
});
