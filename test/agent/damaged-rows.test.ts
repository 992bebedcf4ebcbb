import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DamagedRows } from "#agent/damaged-rows.ts";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";

describe("rows that a walk has found damaged", () => {
  test("[S16] the condition says the first and how many, the counter counts, each is said once", () => {
    const conditions = new Conditions();
    const record = new ChannelRecord({ channel: "adt", clock: systemClock, log: silentLog });
    const lines: unknown[] = [];
    const rows = new DamagedRows({
      ...{ conditions, clock: systemClock },
      log: { ...silentLog, write: (event, facts) => void lines.push([event, facts]) },
      channelOf: (channel) =>
        channel === 1
          ? { name: "adt", record }
          : { name: channel === 2 ? "gone" : "files", record: undefined },
    });
    const message = { kind: "message", id: 5, channel: 1, epoch: 2n, seq: 3n } as const;
    const block = { kind: "quarantine", id: 5, channel: 1 } as const;
    rows.found(message);
    rows.found(block);
    rows.found(message);
    rows.found({ ...message, channel: 2, id: 9 });
    rows.found({ kind: "file", id: 5, channel: 3, claim: "0123456789abcdef" });
    assert.deepEqual(
      conditions
        .list()
        .filter(({ condition }) => condition === "messageDamaged")
        .map(({ condition, subject, facts }) => [condition, subject, facts]),
      [
        ["messageDamaged", "adt", { channel: "adt", epoch: 2n, seq: 3n, count: 2 }],
        ["messageDamaged", "gone", { channel: "gone", epoch: 2n, seq: 3n, count: 1 }],
        ["messageDamaged", "files", { channel: "files", claim: "0123456789abcdef", count: 1 }],
      ],
    );
    const seals = conditions.list().filter(({ condition }) => condition === "sealBroken");
    assert.deepEqual(
      seals.map(({ subject }) => subject),
      ["adt", "gone", "files"],
      "[PL10] each is a seal that does not open",
    );
    assert.equal(record.counters.value("damaged"), 2);
    assert.deepEqual(lines, [
      ["rowDamaged", { channel: "adt", epoch: 2n, seq: 3n }],
      ["rowDamaged", { channel: "adt", id: 5 }],
      ["rowDamaged", { channel: "gone", epoch: 2n, seq: 3n }],
      ["rowDamaged", { channel: "files", claim: "0123456789abcdef" }],
    ]);
  });

  test("[S16] what a person has given up is no longer what stops the channel; other rows go on to show", () => {
    const conditions = new Conditions();
    const rows = new DamagedRows({
      ...{ conditions, clock: systemClock, log: silentLog },
      channelOf: (channel) => ({ name: `channel ${channel}`.replace(" ", "-"), record: undefined }),
    });
    const message = { kind: "message", channel: 1, epoch: 2n } as const;
    for (const seq of [3n, 4n, 9n]) rows.found({ ...message, id: Number(seq), seq });
    rows.found({ kind: "quarantine", id: 3, channel: 2 });
    const shown = (): unknown[] =>
      conditions.list().flatMap((one) => (one.condition === "sealBroken" ? [] : [one.facts]));
    rows.givenUp({ channel: 1, epoch: 2n, firstSeq: 3n, lastSeq: 4n }, 0);
    const quarantined = { channel: "channel-2", id: 3, count: 1 };
    assert.deepEqual(shown(), [
      { channel: "channel-1", epoch: 2n, seq: 9n, count: 1 },
      quarantined,
    ]);
    rows.givenUp({ channel: 1, epoch: 1n, firstSeq: 9n, lastSeq: 9n }, 0);
    assert.equal(shown().length, 2, "the same number in another epoch is another message");
    rows.givenUp({ channel: 1, epoch: 2n, firstSeq: 9n, lastSeq: 9n }, 0);
    assert.deepEqual(shown(), [quarantined]);
    rows.found({ ...message, id: 9, seq: 9n });
    assert.deepEqual(shown(), [quarantined], "the next walk meets it again, and says nothing");
  });
});
