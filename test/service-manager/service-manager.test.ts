/** What systemd hears of an agent (09 SV3, SV4), over its own protocol. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { openServiceManager } from "#service-manager/service-manager.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { Notified } from "#test/support/notified.ts";
import { agentCommand, Started, until } from "#test/support/processes.ts";

const skip = process.platform === "linux" ? false : "sd_notify is Linux's";
const USUAL = { watchdogMicroseconds: undefined, watchdogPid: undefined };
const EXTEND = "EXTEND_TIMEOUT_USEC=30000000";
const countOf = ({ said }: Notified, text: string): number =>
  said.filter((line) => line === text).length;

describe("the service manager", { skip }, () => {
  for (const kind of ["path", "abstract"] as const) {
    test(`[SV3] at a socket with a name of the kind "${kind}" it hears that a start goes on, its end, a line, and the stop`, async () => {
      await using manager = await Notified.open(kind);
      const clock = new ManualClock();
      using told = await openServiceManager({ ...USUAL, socket: manager.socket }, clock);
      for (let times = 1; times <= 3; times++) {
        await until("it is told again", () => countOf(manager, EXTEND) === times);
        clock.advance(10_000);
      }
      told.ready();
      clock.advance(60_000);
      told.status("ok; 3 messages wait");
      told.stopping();
      await manager.hears("STOPPING=1");
      assert.deepEqual(manager.said.slice(-3), [
        "READY=1",
        "STATUS=ok; 3 messages wait",
        "STOPPING=1",
      ]);
    });
  }

  test("[SV4] the watchdog hears of the loop every third of its time, and only if it is this process that it watches", async () => {
    await using manager = await Notified.open();
    const clock = new ManualClock();
    const watched = { socket: manager.socket, watchdogMicroseconds: "60000000" };
    using _other = await openServiceManager({ ...watched, watchdogPid: "1" }, clock);
    using told = await openServiceManager({ ...watched, watchdogPid: String(process.pid) }, clock);
    told.ready();
    for (let times = 1; times <= 3; times++) {
      await until("it is told again", () => countOf(manager, "WATCHDOG=1") === times);
      clock.advance(20_000);
    }
  });

  test("[SV3] nobody listens: nothing is said, nothing fails; a path that is none is refused", async () => {
    const clock = new ManualClock();
    for (const socket of [undefined, ""]) {
      using told = await openServiceManager({ ...USUAL, socket }, clock);
      told.ready();
    }
    using gone = await openServiceManager({ ...USUAL, socket: "/dev/null/nobody" }, clock);
    gone.ready();
    for (const socket of ["relative", `/${"x".repeat(108)}`]) {
      await assert.rejects(openServiceManager({ ...USUAL, socket }, clock), RangeError);
    }
  });

  test("[SV3] [SV4] an agent is ready once its ports are open, and a loop that hangs falls silent", async () => {
    await using manager = await Notified.open();
    using folder = await AgentFolder.make();
    const env = { ...process.env, NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: "300000" };
    await using agent = new Started(agentCommand(folder.config), env);
    await manager.hears("READY=1");
    assert.ok(isBound(folder.port), "the port of its channel");
    await manager.hears(/^STATUS=(?:ok|attention); tunnel \w+; 0 messages wait$/);
    await manager.hears("WATCHDOG=1");
    agent.child.kill("SIGSTOP");
    const silentSince = countOf(manager, "WATCHDOG=1");
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.ok(countOf(manager, "WATCHDOG=1") - silentSince <= 1, "one may have been on its way");
    agent.child.kill("SIGCONT");
    const { code } = await agent.end("SIGTERM");
    assert.equal(code, 0, agent.errors);
    await manager.hears("STOPPING=1");
  });
});

/** Whether a socket of this machine listens there (proc_net_tcp(5)). */
const isBound = (port: number): boolean =>
  readFileSync("/proc/net/tcp", "latin1").includes(
    `:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`,
  );
