/** Backup, restore and replay as an operator does them: real programs, a real receiver. @module */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { loadLocalConfig } from "#config/local.ts";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { sendOnce } from "#test/faults/mllp-sender.ts";
import { adt, latin1 } from "#test/support/messages.ts";
import { agentStatus, Started, startAgent, startReceiver, until } from "#test/support/processes.ts";

import { type ProgramMain, programFile } from "#test/support/programs.ts";

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

async function ran(program: ProgramMain, ...args: readonly string[]): Promise<Ran> {
  await using started = new Started([process.execPath, programFile(program), ...args]);
  const { stdout } = started.child;
  const out = stdout === null ? "" : await text(stdout);
  return { code: (await started.ended).code, out, errors: started.errors };
}

class Site implements Disposable {
  readonly folder: string;
  readonly pair: Pair;

  private constructor(folder: string, pair: Pair) {
    this.folder = folder;
    this.pair = pair;
  }

  static async make(): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-operator-"));
    return new Site(folder, await makePair({ folder }));
  }

  holdfast(...args: readonly string[]): Promise<Ran> {
    return ran("agent/main.ts", ...args, "--config", this.pair.agentConfig);
  }

  async send(controlId: string): Promise<void> {
    const answer = await sendOnce(this.pair.mllp.port, latin1(adt(controlId)));
    assert.deepEqual(answer, { kind: "accepted", controlId });
  }

  async drained(): Promise<void> {
    await until("everything is at the receiver", async () => {
      const { channels } = await agentStatus(this.pair.agentConfig);
      return channels.every(({ waiting }) => waiting === 0);
    });
  }

  async exported(): Promise<{ controlId: string; epoch: number; attributes?: unknown }[]> {
    const { out } = await ran("receiver/main.ts", "export", "--config", this.pair.receiverConfig);
    const lines = out.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as { controlId: string; epoch: number });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Where the configuration of the pair has its key-encryption key. */
function kekFileOf({ pair }: Site): string {
  const { kek } = loadLocalConfig(pair.agentConfig);
  assert.ok(kek.custody === "file");
  return kek.file;
}

test("[D3] replay: what was confirmed is sent again, after a dry run that says so", async () => {
  using site = await Site.make();
  await using receiver = startReceiver(site.pair.receiverConfig);
  await receiver.ready();
  await using agent = startAgent(site.pair.agentConfig);
  await agent.ready();
  for (const controlId of ["M1", "M2", "M3"]) await site.send(controlId);
  await site.drained();
  const dry = await site.holdfast("replay", "--channel", "adt", "--seq", "2-3", "--dry-run");
  assert.equal(dry.code, 0, dry.errors);
  assert.match(dry.out, /Would send again: 2 messages of adt .*nothing was changed/);
  const wet = await site.holdfast("replay", "--channel", "adt", "--seq", "2-3", "--json");
  assert.partialDeepStrictEqual(JSON.parse(wet.out), { count: 2, appended: { first: 4, last: 5 } });
  await site.drained();
  const found = await site.exported();
  assert.deepEqual(
    found.map(({ controlId }) => controlId),
    ["M1", "M2", "M3", "M2", "M3"],
  );
  assert.partialDeepStrictEqual(found[3]?.attributes, { "replay.epoch": "1", "replay.seq": "2" });
  const traced = await site.holdfast("trace", "M2");
  assert.match(traced.out, /1\/5|1\/4/);
  assert.match(traced.out, /replayed/);
  const none = await site.holdfast("replay", "--channel", "adt", "--control-id", "NOBODY");
  assert.deepEqual([none.code, /REPLAY_EMPTY/.test(none.errors)], [65, true]);
  assert.equal(
    none.out.trim(),
    "Nothing to send again: looked at 5 messages of adt, for those with control id NOBODY",
  );
  const beyond = await site.holdfast("replay", "--channel", "adt", "--seq", "40-50", "--json");
  assert.partialDeepStrictEqual(JSON.parse(beyond.out), { count: 0, looked: 0 });
  const noted = await site.holdfast("replay", "--channel", "none", "--seq", "1");
  assert.deepEqual([noted.code, /CHANNEL_UNKNOWN/.test(noted.errors)], [65, true]);
  const unselected = await site.holdfast("replay", "--channel", "adt");
  assert.equal(unselected.code, 64);
  assert.equal((await agent.end("SIGTERM")).code, 0);
});

test("[S19, T-S16] backup: made while it runs, verified, restored; a new epoch begins and nothing is lost", async () => {
  using site = await Site.make();
  const folder = join(site.folder, "backup");
  await using receiver = startReceiver(site.pair.receiverConfig);
  await receiver.ready();
  {
    await using agent = startAgent(site.pair.agentConfig);
    await agent.ready();
    for (const controlId of ["M1", "M2"]) await site.send(controlId);
    await site.drained();
    const made = await site.holdfast("backup", "create", folder, "--json");
    assert.equal(made.code, 0, made.errors);
    const report = JSON.parse(made.out);
    assert.equal(report.folder, folder);
    // The agent's own channels are in it, too.
    assert.partialDeepStrictEqual(report.channels, [{ name: "adt", epoch: "1", lastSeq: "2" }]);
    const taken = await site.holdfast("backup", "create", folder);
    assert.deepEqual([taken.code, /BACKUP_FOLDER_TAKEN/.test(taken.errors)], [73, true]);
    const inside = await site.holdfast("backup", "create", join(site.folder, "agent/state/b"));
    assert.deepEqual([inside.code, /BACKUP_MISPLACED/.test(inside.errors)], [64, true]);
    const running = await site.holdfast("backup", "restore", folder, "--replace");
    assert.deepEqual([running.code, /STORE_RUNNING/.test(running.errors)], [75, true]);
    // What the backup does not have, the receiver does.
    await site.send("M3");
    await site.drained();
    assert.equal((await agent.end("SIGTERM")).code, 0);
  }
  const sound = await site.holdfast("backup", "verify", folder);
  assert.deepEqual([sound.code, /Sound: /.test(sound.out)], [0, true]);
  // As after a rekey, or on another machine: its key is elsewhere.
  const configured = kekFileOf(site);
  const elsewhere = join(site.folder, "safe", "old.kek");
  mkdirSync(dirname(elsewhere), { mode: 0o700 });
  renameSync(configured, elsewhere);
  writeFileSync(configured, `${"77".repeat(32)}\n`, { mode: 0o400 });
  const foreign = await site.holdfast("backup", "verify", folder);
  assert.deepEqual([foreign.code, /KEK_WRONG/.test(foreign.errors)], [78, true]);
  const named = await site.holdfast("backup", "verify", folder, "--kek", elsewhere);
  assert.deepEqual([named.code, /Sound: /.test(named.out)], [0, true], named.errors);
  chmodSync(elsewhere, 0o444);
  const exposed = await site.holdfast("backup", "verify", folder, "--kek", elsewhere);
  assert.deepEqual([exposed.code, /KEK_EXPOSED/.test(exposed.errors)], [78, true]);
  chmodSync(elsewhere, 0o400);
  const there = await site.holdfast("backup", "restore", folder, "--kek", elsewhere);
  assert.deepEqual([there.code, /STORE_EXISTS/.test(there.errors)], [73, true]);
  const restored = await site.holdfast(
    "backup",
    "restore",
    folder,
    "--replace",
    "--kek",
    elsewhere,
  );
  assert.equal(restored.code, 0, restored.errors);
  assert.match(restored.out, /moved aside, not deleted/);
  assert.match(restored.out, /with the key of --kek alone/);
  renameSync(elsewhere, configured);
  assert.equal(existsSync(join(site.folder, "agent/state/restoring")), false);
  await using agent = startAgent(site.pair.agentConfig);
  await agent.ready();
  await site.send("M4");
  await site.drained();
  const found = await site.exported();
  assert.deepEqual(
    found.map(({ controlId, epoch }) => `${epoch} ${controlId}`),
    ["1 M1", "1 M2", "1 M3", "2 M4"],
  );
  assert.equal((await agent.end("SIGTERM")).code, 0);
});

test("[S19] backup create asks a running agent", async () => {
  using site = await Site.make();
  const { code, errors } = await site.holdfast("backup", "create", join(site.folder, "b"));
  assert.deepEqual([code, /AGENT_NOT_RUNNING/.test(errors)], [69, true]);
});
