/** What the unit does with how the agent ends (09 SV5, SV6). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ERROR_CATALOGUE } from "#agent/errors.ts";
import { EXIT } from "#agent/exit-codes.ts";
import { AgentFolder } from "#test/support/agent-folder.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Notified } from "#test/support/notified.ts";
import { agentCommand, Started } from "#test/support/processes.ts";

const UNIT = join(import.meta.dirname, "../../../../installer/linux/holdfast.service");

/** What the unit says of a directive. */
function directive(name: string): string {
  const [, value] = new RegExp(`^${name}=(.*)$`, "m").exec(readFileSync(UNIT, "utf8")) ?? [];
  assert.ok(value !== undefined, name);
  return value;
}

const notRestarted = directive("RestartPreventExitStatus").split(" ").map(Number);

/** How a process ends that is started, for the unit. */
async function endOf(
  command: readonly string[],
): Promise<{ code: number | null; isFinal: boolean }> {
  await using agent = new Started(command);
  const { code } = await agent.ended;
  return { code, isFinal: notRestarted.includes(code ?? -1) };
}

describe("how the agent ends", () => {
  test("[SV6] what a person must mend is not started anew; what may be well the next time is", async () => {
    assert.equal(directive("Restart"), "always");
    assert.deepEqual(notRestarted, [EXIT.usage, EXIT.notPermitted, EXIT.configuration]);
    using folder = await AgentFolder.make();
    const run = agentCommand(folder.config);
    assert.deepEqual(await endOf([...run, "--no-such-option"]), { code: 64, isFinal: true });
    await using first = await folder.start();
    assert.ok(first.isRunning);
    // Another one on the same store.
    assert.deepEqual(await endOf(run), { code: 75, isFinal: false });
    using broken = await AgentFolder.make();
    broken.changeConfig(/kind: mllp-listener/, "kind: nothing");
    assert.deepEqual(await endOf(agentCommand(broken.config)), { code: 78, isFinal: true });
  });

  test("[SV6] a fault that time or a restart may mend has no code that systemd gives up at", () => {
    const codes = [
      "STORE_LOCKED",
      "STORE_IO",
      "WRITER_DIED",
      "AGENT_DEFECT",
      "LISTEN_PORT_IN_USE",
    ] as const;
    for (const code of codes) {
      assert.ok(!notRestarted.includes(ERROR_CATALOGUE[code].exit), code);
    }
    for (const code of [
      "KEK_MISSING",
      "KEK_WRONG",
      "STORE_NEWER_SCHEMA",
      "SOCKET_UNCLAIMED",
    ] as const) {
      assert.ok(notRestarted.includes(ERROR_CATALOGUE[code].exit), code);
    }
  });

  test("[SV5] the first SIGTERM is told at once and waits for what was read, a second one does not wait", async () => {
    await using manager = await Notified.open();
    using folder = await AgentFolder.make({
      channelYaml: "    ackMode: deferred\n    deferredTimeoutSeconds: 600\n",
    });
    const env = { ...process.env, NOTIFY_SOCKET: manager.socket };
    await using agent = new Started(agentCommand(folder.config), env);
    await manager.hears("READY=1");
    await using sender = await MllpSocket.open(folder.port);
    // Its reply would come with the receiver's, and there is none: the stop waits for it as long as it may.
    await sender.send(framed(adt("M1")));
    const beforeMs = performance.now();
    agent.child.kill("SIGTERM");
    await manager.hears("STOPPING=1");
    assert.ok(agent.isRunning);
    const { code, signal } = await agent.end("SIGTERM");
    assert.deepEqual([code, signal], [0, null], agent.errors);
    const graceMs = 10_000;
    assert.ok(performance.now() - beforeMs < graceMs, "it did not wait for the grace");
    assert.ok(
      Number(directive("TimeoutStopSec")) * 1_000 > 2 * graceMs,
      "grace, and acks of the receiver",
    );
  });
});
