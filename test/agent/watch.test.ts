/** Alarms of whole agents, provoked for real, on their way to those who are told (08 PL9, PL10). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Agent } from "#agent/agent.ts";
import { question } from "#agent/cli/question.ts";
import type { Facts } from "#agent/errors.ts";
import type { Log } from "#agent/host/log.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import type { MaintenanceLine } from "#agent/maintenance-desk.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import type { MailConfig } from "#config/mail.ts";
import type { AgentAlarms } from "#receiver/alarms.ts";
import { loadConfiguration } from "#receiver/configuration.ts";
import { systemClock } from "#receiver/host/clock.ts";
import { openReceiver } from "#receiver/receiver.ts";
import { makePair } from "#scripts/make-pair.ts";
import { MailHub } from "#test/support/mail-hub.ts";
import { until } from "#test/support/processes.ts";
import { SiemFiles } from "#test/support/siem.ts";
import { newDeviceKey } from "#test/support/test-trust.ts";

/** A pair of which the agent lets only 192.0.2.1 in. */
async function scene() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-watch-"));
  const pair = await makePair({ folder });
  const loaded = loadLocalConfig(pair.agentConfig);
  const channels = loaded.channels.map((one) => ({ ...one, allow: ["192.0.2.1"] }));
  const config: LocalConfig = { ...loaded, channels };
  const lines: [string, Facts][] = [];
  const log: Log = { write: (event, facts) => void lines.push([event, facts]), fault: () => {} };
  const said = () =>
    lines
      .filter(([event]) => event.startsWith("alarm"))
      .map(([event, { code, channel }]) => `${event} ${code} ${channel ?? ""}`.trim());
  return {
    ...pair,
    folder,
    config,
    log,
    said,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

async function refusedOnce(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {}).on("close", () => resolve());
  await promise;
}

describe("a running agent's alarms", () => {
  test("[PL9, PL10] ten refused connections are one alarm in log, status and mail, and no second one after a restart", async () => {
    using one = await scene();
    using files = await SiemFiles.make();
    await using hub = await MailHub.open({ identity: files.server });
    const mail: MailConfig = {
      ...{ host: "127.0.0.1", port: hub.port, caFile: files.ca },
      ...{ tls: "starttls", least: "warning" },
      ...{ from: "gateway@clinic.example", to: ["it@clinic.example"] },
    };
    const config = { ...one.config, mail };
    {
      await using agent = await Agent.open({ config, version: "0", log: one.log });
      for (let number = 0; number < 12; number++) await refusedOnce(one.mllp.port);
      await until("it is an alarm", () => one.said().length > 0);
      const { alarms } = await agent.status();
      assert.deepEqual(
        alarms.map(({ code, subject, severity, whose, runbook }) => [
          ...[code, subject, severity, whose, runbook],
        ]),
        [["peerRefused", "adt", "warning", "integration", "docs/runbooks/peer-refused.md"]],
      );
      await until("it is mailed", () => hub.mails.length > 0, 30_000);
      assert.match(hub.mails[0]?.source ?? "", /warning: peerRefused \(adt\)/);
      assert.doesNotMatch(hub.mails[0]?.source ?? "", /127\.0\.0\.1/);
    }
    await using agent = await Agent.open({ config, version: "0", log: one.log });
    for (let number = 0; number < 12; number++) await refusedOnce(one.mllp.port);
    await until("it is found again", async () =>
      (await agent.status()).conditions.some(({ condition }) => condition === "peerRefused"),
    );
    assert.equal((await agent.status()).alarms[0]?.code, "peerRefused");
    assert.deepEqual(one.said(), ["alarmOpened peerRefused adt"]);
  });

  test("[PL9] a maintenance window of the channel mutes it, is audited, and stands in status", async () => {
    using one = await scene();
    const { config } = one;
    await using agent = await Agent.open({ config, version: "0", log: one.log });
    const ask = (request: object) => question(config.stateDir, request);
    const unknown = ask({ ask: "maintenanceStart", channel: "atd", minutes: 5 });
    await assert.rejects(unknown, { code: "CHANNEL_UNKNOWN" });
    const windows = await ask({ ask: "maintenanceStart", channel: "adt", minutes: 5 });
    assert.deepEqual(
      (windows as readonly MaintenanceLine[]).map(({ channel }) => channel),
      ["adt"],
    );
    for (let number = 0; number < 12; number++) await refusedOnce(one.mllp.port);
    await until("it stands under the window", async () =>
      (await agent.status()).alarms.some(({ suppressed }) => suppressed.length === 1),
    );
    const { alarms, health } = await agent.status();
    const [window] = alarms;
    assert.deepEqual(
      [alarms.length, window?.code, window?.severity, window?.suppressed[0]?.code, health],
      [1, "maintenanceActive", "information", "peerRefused", "attention"],
    );
    await ask({ ask: "maintenanceStop", channel: "" });
    await until("it is announced", () => one.said().length === 3);
    assert.deepEqual(one.said(), [
      ...["alarmOpened maintenanceActive adt", "alarmClosed maintenanceActive adt"],
      "alarmOpened peerRefused adt",
    ]);
    const page = (await ask({ ask: "auditPage", afterSeq: 0, limit: 100 })) as { base64: string }[];
    const actions = page.map(
      ({ base64 }) =>
        (JSON.parse(Buffer.from(base64, "base64").toString()) as { action: string }).action,
    );
    assert.deepEqual(
      actions.filter((action) => action.startsWith("maintenance")),
      // The first is the one that was refused, and then that it was.
      [
        ...["maintenance.started", "maintenance.started"],
        ...["maintenance.started", "maintenance.stopped"],
      ],
    );
  });

  test("[PL9] the receiver hears what is open at an enrolled agent, and when it is over", async () => {
    using one = await scene();
    const receiverConfig = loadConfiguration(one.receiverConfig);
    await using receiver = await openReceiver(receiverConfig, {
      clock: systemClock,
      log: silentLog as never,
    });
    const device = { key: newDeviceKey(), tenant: "t", agent: "a", generation: () => 1 };
    const { config } = one;
    await using agent = await Agent.open({ config, version: "0", log: one.log, device });
    const heard = async (): Promise<AgentAlarms | undefined> => {
      for await (const found of receiver.alarms()) return found;
      return undefined;
    };
    const codes = async (): Promise<string> =>
      ((await heard())?.alarms ?? []).map(({ code, channel }) => `${code} ${channel}`).join();
    await until("it says that nothing is open", async () => (await heard()) !== undefined, 30_000);
    for (let number = 0; number < 12; number++) await refusedOnce(one.mllp.port);
    // Before a window begins: what begins within one is muted.
    await until("it is told", async () => (await codes()) === "peerRefused adt", 30_000);
    await question(config.stateDir, { ask: "maintenanceStart", channel: "", minutes: 5 });
    await until(
      "both are there",
      async () => (await codes()) === "peerRefused adt,maintenanceActive ",
      30_000,
    );
    assert.equal((await heard())?.alarms[0]?.facts["peer"], undefined, "addresses stay");
    await question(config.stateDir, { ask: "maintenanceStop", channel: "" });
    await until("one is over", async () => (await codes()) === "peerRefused adt", 30_000);
    assert.equal((await agent.status()).tunnel.state, "streaming");
  });
});
