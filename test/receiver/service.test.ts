/** What the receiver tells systemd, and whoever asks whether it is well. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { test } from "node:test";
import { Notified } from "#test/support/notified.ts";
import { Started } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { issueAgent } from "./support/identities.ts";
import { PlayedAgent } from "./support/played-agent.ts";
import { ReceiverFolder } from "./support/receiver-folder.ts";

const skip = process.platform === "linux" ? false : "sd_notify is Linux's";

test("[09 3] systemd hears when the receiver accepts agents, that its loop turns, how many are connected, and the stop", {
  skip,
}, async () => {
  await using manager = await Notified.open();
  using folder = new ReceiverFolder();
  const identity = await issueAgent("north/ward-1");
  await folder.add("north/ward-1", identity);
  const env = { ...process.env, NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: "300000" };
  const command = [process.execPath, programFile("receiver/main.ts"), "serve"];
  await using served = new Started([...command, "--config", folder.config], env);
  const { listening } = JSON.parse(await served.ready()) as { listening: { port: number } };
  await manager.hears("READY=1");
  assert.match(manager.said[1] ?? "", /^EXTEND_TIMEOUT_USEC=/, "a migration may take longer");
  await manager.hears("WATCHDOG=1");
  await manager.hears("STATUS=0 agents connected");
  await using _agent = await PlayedAgent.stream(listening.port, identity);
  await manager.hears("STATUS=1 agents connected");
  assert.equal((await served.end("SIGTERM")).code, 0, served.errors);
  await manager.hears("STOPPING=1");
  assert.ok(manager.said.indexOf("READY=1") < manager.said.indexOf("STOPPING=1"));
});

test("[09 3] a receiver that cannot start never says that it is ready", { skip }, async () => {
  await using manager = await Notified.open();
  using folder = new ReceiverFolder();
  await using _other = await folder.serve();
  const env = { ...process.env, NOTIFY_SOCKET: manager.socket };
  const command = [process.execPath, programFile("receiver/main.ts"), "serve"];
  await using second = new Started([...command, "--config", folder.config], env);
  assert.equal((await second.ended).code, 75, second.errors);
  assert.ok(!manager.said.includes("READY=1"));
});

test("[01] status says whether a receiver runs here and its store answers: 0 if so, 69 if nobody runs, or it is silent for five seconds", async () => {
  using folder = new ReceiverFolder();
  const status = ["status", "--config", folder.config];
  const away = await folder.run(...status);
  assert.equal(away.code, 69);
  assert.match(away.err, /RECEIVER_AWAY/);
  await using served = await folder.serve();
  const { pid } = served.child;
  const well = await folder.run(...status);
  const said = `the receiver runs, process ${pid}, and its store answers\n`;
  assert.deepEqual([well.code, well.out, well.err], [0, said, ""]);
  assert.deepEqual(JSON.parse((await folder.run(...status, "--json")).out), { pid });
  served.child.kill("SIGSTOP");
  const silent = await folder.run(...status);
  assert.equal(silent.code, 69);
  assert.match(silent.err, /RECEIVER_SILENT/);
  served.child.kill("SIGCONT");
  assert.equal((await folder.run(...status)).code, 0);
});

test("[05] a copy of a stopped receiver's state folder goes on where that one stood", async () => {
  using folder = new ReceiverFolder();
  using other = new ReceiverFolder();
  const identity = await issueAgent("north/ward-1");
  await folder.add("north/ward-1", identity);
  await using served = await folder.serve();
  await using before = await PlayedAgent.stream(served.port, identity);
  before.sendMessages(1n, "a", "b");
  await before.acked(2n);
  assert.equal(await served.end("SIGTERM"), 0);
  rmSync(other.stateDir, { recursive: true });
  cpSync(folder.stateDir, other.stateDir, { recursive: true, preserveTimestamps: true });
  await using restored = await other.serve();
  await using now = await PlayedAgent.greet(restored.port, identity);
  assert.equal((await now.open()).lastSeq, 2n);
  now.sendMessages(3n, "c");
  await now.acked(3n);
});
