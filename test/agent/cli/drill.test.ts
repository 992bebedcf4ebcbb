/** An outage drill of real programs: what a person sees, and what the receiver has at the end. */
import assert from "node:assert/strict";

import { test } from "node:test";
import { askLocal } from "#agent/host/local-socket.ts";
import type { DrillReport } from "#agent/outage-drill-report.ts";
import { adt, framed } from "#test/support/messages.ts";
import { MllpSocket } from "#test/support/mllp-socket.ts";
import { Started, until } from "#test/support/processes.ts";
import { programFile } from "#test/support/programs.ts";
import { ASKED_AGENT, QuestionedPair } from "#test/support/questioned-pair.ts";

const MAIN = programFile("agent/main.ts");
const COUNT = 40;

test("[Operate] a drill holds messages back, brings the tunnel back, and proves on both sides that none is lost", async () => {
  await using pair = await QuestionedPair.open();
  const { agentConfig, mllp } = pair.pair;
  const command = [process.execPath, MAIN, "drill", "outage", "--config", agentConfig];
  await using drill = new Started([...command, "--json", "--minutes", "5", "--reason", "exercise"]);
  const report = async (): Promise<DrillReport | null> => {
    const said = (await askLocal(pair.stateDir, { ask: "drillStatus" })) as {
      readonly answer: { readonly done: DrillReport | null };
    };
    return said.answer.done;
  };
  await until("the tunnel is held down", async () => (await report())?.state === "held");
  const again = pair.hospital("drill", "outage", "--minutes", "5", "--reason", "exercise");
  assert.equal(again.status, 75);
  assert.match(again.stderr, /why=running.*\[DRILL_REFUSED\]/);

  await using sender = await MllpSocket.open(mllp.port);
  for (let number = 1; number <= COUNT; number++) await sender.send(framed(adt(`D${number}`)));
  await until("all are accepted", () => sender.received.split("MSA|AA|").length > COUNT);
  await until("the backlog grows", async () => (await report())?.backlog === COUNT);
  const status = pair.hospital("status");
  assert.match(status.stdout, /tunnel: heldDown/);
  assert.match(status.stdout, /outageDrill/);
  assert.match(pair.hospital("reconnect").stdout, /holdfast drill stop ends it/);

  // As if the terminal had been closed: the drill goes on.
  await drill.end("SIGKILL");
  assert.equal((await report())?.state, "held");
  assert.equal(pair.hospital("drill", "stop").status, 0);
  await until("it is over", async () => (await report())?.state === "over");
  const found = await report();
  assert.partialDeepStrictEqual(found, {
    ...{ outcome: "complete", accepted: COUNT, backlog: COUNT, acknowledged: COUNT, setAside: 0 },
    ...{ reason: "exercise", minutes: 5, releasedBecause: "person" },
  });
  assert.ok((found?.drainSeconds ?? 0) > 0);
  const shown = pair.hospital("drill", "status").stdout;
  assert.match(shown, new RegExp(`^adt +${COUNT} +${COUNT} +${COUNT} +0 +0 +`, "m"));
  assert.match(shown, /^No loss: the receiver has acknowledged all 40 messages/m);

  assert.equal(pair.hospital("report", "--tell", "--from", "today").status, 0);
  const compared = (): boolean => {
    const said = pair.receiver("report", ASKED_AGENT, "--channel", "adt", "--json");
    return said.stdout.includes('"state":"equal"') && said.stdout.includes(`"stored":${COUNT}`);
  };
  await until("the receiver says that both sides have the same", compared);

  const alarms = (): string[] =>
    pair.agent.errors
      .split("\n")
      .filter((line) => line.includes('"alarm'))
      .map((line) => JSON.parse(line) as { readonly message: string; readonly code: string })
      .map(({ message, code }) => `${message} ${code}`);
  await until("both are in the log", () => alarms().length === 2);
  assert.deepEqual(alarms(), ["alarmOpened outageDrill", "alarmClosed outageDrill"]);
  assert.deepEqual(
    pair
      .audit()
      .filter(({ action }) => action.startsWith("drill"))
      .map(({ action, decision = "", reason = "" }) => [action, decision, reason].join(" ").trim()),
    [
      ...["drill.begun 5 minutes exercise", "drill.begun 5 minutes exercise"],
      "drill.begun failed DRILL_REFUSED",
      ...["drill.stopped", "drill.released person", `drill.ended complete ${COUNT} accepted`],
    ],
  );
});
