import assert from "node:assert/strict";
import { test } from "node:test";
import { agentCsv, comparedCsv, comparedTable } from "#reconcile/compared-text.ts";
import { HOUR_MS, hourOf, hourRange, hourText, localText } from "#reconcile/hours.ts";
import type { AgentLine, ComparedLine } from "#reconcile/lines.ts";

const NOW = Date.UTC(2026, 10, 26, 12, 30);

test("[D4] an hour is shown in UTC, and as the clock of the machine has it", () => {
  const hour = hourOf(NOW);
  assert.equal(hourText(hour), "2026-11-26T12:00Z");
  assert.match(localText(hour), /^2026-11-2[567] \d\d:\d\d [+-]\d\d:\d\d$/);
  assert.equal(hourText(Number.MAX_SAFE_INTEGER).slice(0, 4), "+275");
});

test("[D4] --from and --to are dates, times with their zone, today or yesterday; from yesterday to now if absent", () => {
  const midnight = (day: number): number => hourOf(new Date(2026, 10, day).getTime());
  const all = hourRange(undefined, undefined, NOW);
  assert.deepEqual(all, { fromHour: midnight(25), toHour: hourOf(NOW) + 1 });
  assert.deepEqual(hourRange("yesterday", "today", NOW), {
    fromHour: midnight(25),
    toHour: midnight(26),
  });
  assert.deepEqual(hourRange("2026-11-20", "2026-11-21", NOW), {
    fromHour: midnight(20),
    toHour: midnight(21),
  });
  const zoned = hourRange("2026-11-26T08:30:00+02:00", "2026-11-26T07:00:00Z", NOW);
  assert.deepEqual(zoned, {
    fromHour: hourOf(Date.UTC(2026, 10, 26, 6)),
    toHour: hourOf(Date.UTC(2026, 10, 26, 7)),
  });
  for (const bad of [
    "2026-13-01",
    "2026-02-30",
    "soon",
    "2026-11-26T08:00:00",
    "1",
    "1969-01-01T00:00:00Z",
  ]) {
    assert.equal(hourRange(bad, undefined, NOW), undefined, bad);
    assert.equal(hourRange("today", bad, NOW), undefined, bad);
  }
  assert.equal(HOUR_MS, 3_600_000);
});

const LINE: AgentLine = {
  ...{
    direction: "up",
    channel: '=cmd,"x"\n',
    hour: 1,
    received: 1,
    duplicates: 0,
    quarantined: 0,
  },
  ...{ refused: 0, stored: 1, delivered: 1, acknowledged: 1, waiting: 0, aside: 0, elsewhere: 0 },
  digest: null,
};

test("[D4] CSV keeps each line one line, and is no formula", () => {
  const [head, line] = agentCsv([LINE]);
  assert.match(head ?? "", /^hour,direction,channel,received,/);
  assert.equal(line, `1970-01-01T01:00Z,up,"'=cmd,""x""?",1,0,0,0,1,1,1,0,0,0,`);
  const compared: ComparedLine = {
    ...{ agent: "a/b", direction: "up", channel: "adt", hour: 1, state: "differs", told: LINE },
    held: { stored: 0, digest: null, delivered: 0, aside: 0 },
    ...{ isOther: true, unnamed: 2 },
    differences: [
      { epoch: "1", seq: "7", agent: "has", receiver: "lacks", controlId: "MSG7", gap: "pruned" },
    ],
  };
  assert.equal(comparedCsv([compared])[1]?.split(",").at(-1), "3");
  const text = comparedTable([compared]).join("\n");
  assert.match(text, /1\/7 MSG7: the agent has it, the receiver does not have it \(pruned\)/);
  assert.match(text, /and 2 more/);
  assert.match(text, /DIFFERS/);
  assert.deepEqual(comparedTable([]), ["No messages in these hours"]);
});
