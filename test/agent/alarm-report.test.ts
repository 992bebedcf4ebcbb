import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AlarmReport, reportOf } from "#agent/alarm-report.ts";
import { alarmSpool } from "#agent/audit-spool.ts";
import { AgentError } from "#agent/errors.ts";
import type { OpenAlarm } from "#agent/health/alarm-step.ts";
import { type AlarmKeeper, Alarms } from "#agent/health/alarms.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { syslogLine } from "#agent/siem/syslog-message.ts";
import { ManualClock } from "#test/support/clocks.ts";
import { TestOutbox } from "#test/support/test-outbox.ts";

const forgetful: AlarmKeeper = {
  load: () => Promise.resolve({ open: [], events: [], lastNumber: 0 }),
  save: () => Promise.resolve(),
};

async function open(send: (text: string) => Promise<void>) {
  const [conditions, clock] = [new Conditions(), new ManualClock(1_800_000_000_000)];
  const alarms = await Alarms.open({ conditions, keeper: forgetful, clock, log: silentLog });
  const report = new AlarmReport({
    ...{ alarms, clock },
    send: ({ bytes }) => send(Buffer.from(bytes).toString("utf8")),
  });
  const passes = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { alarms, conditions, report, passes };
}

describe("what the receiver hears of alarms", () => {
  test("[PL9] all that is open, at the start and whenever it changes; a burst is one record", async () => {
    const sent: string[] = [];
    const { alarms, conditions, report, passes } = await open((text) =>
      Promise.resolve(void sent.push(text)),
    );
    await passes(1_000);
    for (let index = 0; index < 40; index++) conditions.open("openToAll", `c${index}`, {}, 1);
    await passes(2_000);
    conditions.close("openToAll", "c7");
    await passes(61_000);
    await passes(2_000);
    const counts = sent.map((text) => (JSON.parse(text) as { alarms: unknown[] }).alarms.length);
    assert.deepEqual(counts, [0, 40, 39]);
    await report[Symbol.asyncDispose]();
    await alarms[Symbol.asyncDispose]();
  });

  test("[PL9] what could not be stored is said later, as it is then", async () => {
    let isFull = true;
    const sent: string[] = [];
    const { alarms, conditions, report, passes } = await open((text) => {
      if (isFull) return Promise.reject(new AgentError("STORE_FULL", {}));
      return Promise.resolve(void sent.push(text));
    });
    await passes(1_000);
    conditions.open("diskLow", "", {}, 1);
    await passes(30_000);
    isFull = false;
    await passes(31_000);
    assert.deepEqual([sent.length, sent[0]?.includes('"diskLow"')], [1, true]);
    await report[Symbol.asyncDispose]();
    await alarms[Symbol.asyncDispose]();
  });

  test("[PL9, PL5] codes and numbers leave; addresses, control ids and other words stay", () => {
    const facts = {
      ...{
        peer: "10.2.3.4:5501",
        controlId: "MRN4711",
        claim: "0123456789abcdef",
        custody: "file",
      },
      ...{ code: "TUNNEL_SILENT", count: 12, seq: "9007199254740993", isLast: true },
    };
    const alarm: OpenAlarm = {
      ...{ id: "a/adt/1", code: "peerRefused", subject: "adt", sinceMs: 0, facts, suppressed: [] },
    };
    assert.deepEqual(reportOf([alarm], 0), {
      ...{ record: "alarms", version: 1, at: "1970-01-01T00:00:00.000Z" },
      alarms: [
        {
          ...{ id: "a/adt/1", code: "peerRefused", channel: "adt", severity: "warning" },
          ...{ since: "1970-01-01T00:00:00.000Z", suppressed: 0 },
          facts: { code: "TUNNEL_SILENT", count: 12, seq: "9007199254740993", isLast: true },
        },
      ],
    });
  });

  test("[PL9] the SIEM is told of openings and closes, in order, by facility 14 and their severity", async () => {
    await using store = await TestOutbox.open();
    const { alarms, conditions, report, passes } = await open(() => Promise.resolve());
    const spool = alarmSpool(store.outbox.trust, alarms);
    conditions.open("diskLow", "", { freeBytes: 1 }, 1_800_000_000_000);
    conditions.open("openToAll", "adt", {}, 1_800_000_000_000);
    await passes(1_000);
    conditions.close("diskLow", "");
    await passes(62_000);
    const lines = (await spool.after(0, 10)).map(({ message }) =>
      syslogLine(message, { hostName: "gw1", processId: 7 }),
    );
    const told = lines.map((line) =>
      line.replace(
        /^(<\d+>).*? alarm \[holdfast@32473 (.*?) alarm=.*? code="(\w+)".*$/,
        "$1 $2 $3",
      ),
    );
    assert.deepEqual(told, [
      '<114> event="opened" diskLow',
      '<116> event="opened" openToAll',
      '<117> event="closed" diskLow',
    ]);
    assert.match(
      lines[1] ?? "",
      /channel="adt" severity="warning" runbook="docs\/runbooks\/open-to-all\.md"/,
    );
    assert.equal(await spool.position(), 0);
    await spool.reached(2);
    assert.equal(await alarmSpool(store.outbox.trust, alarms).position(), 2);
    await report[Symbol.asyncDispose]();
    await alarms[Symbol.asyncDispose]();
  });
});
