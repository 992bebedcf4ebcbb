import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Conditions } from "#agent/health/conditions.ts";
import { type Clock, systemChance, systemClock } from "#agent/host/clock.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { SiemFeed, type SpooledItem, type SpoolRow } from "#agent/siem/siem-feed.ts";
import { type SiemSettings, siemTls } from "#agent/siem/siem-tls.ts";
import { until } from "#test/support/processes.ts";
import { PlayedCollector, parametersIn, SiemFiles } from "#test/support/siem.ts";

/** Things that are kept, numbered, of which the oldest can go. */
class Row implements SpoolRow {
  readonly name = "entry";
  readonly items: SpooledItem[] = [];
  reachedAt = 0;

  add(count: number): void {
    for (let index = 0; index < count; index++) {
      const number = (this.items.at(-1)?.number ?? 0) + 1;
      const data = [["auditSeq", String(number)]] as const;
      const text = `entry ${number}`;
      this.items.push({
        number,
        message: { severity: "info", atMs: number, kind: "entry", data, text },
      });
    }
  }

  after(number: number, limit: number): Promise<readonly SpooledItem[]> {
    return Promise.resolve(this.items.filter((one) => one.number > number).slice(0, limit));
  }

  position(): Promise<number> {
    return Promise.resolve(this.reachedAt);
  }

  reached(number: number): Promise<void> {
    this.reachedAt = number;
    return Promise.resolve();
  }
}

/** Waits of the feed are over at once; the monotonic clock can be moved. */
class HastyClock implements Clock {
  aheadMs = 0;
  nowMs = (): number => systemClock.nowMs();
  monotonicMs = (): number => systemClock.monotonicMs() + this.aheadMs;
  after(delayMs: number, act: () => void) {
    return systemClock.after(delayMs > 5_000 ? delayMs : Math.min(delayMs, 20), act);
  }
}

function feedOf(
  row: Row,
  settings: SiemSettings,
  more: { clock?: Clock; conditions?: Conditions } = {},
) {
  const { host, port } = settings;
  return SiemFeed.open({
    ...{ endpoint: { host, port, tls: () => siemTls(settings) }, rows: [row] },
    ...{ clock: more.clock ?? new HastyClock(), chance: systemChance, log: silentLog },
    conditions: more.conditions ?? new Conditions(),
  });
}

const seqsOf = ({ messages }: PlayedCollector): number[] =>
  messages.map((line) => Number(/auditSeq="(\d+)"/.exec(line)?.[1] ?? Number.NaN));
const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("the feed of a SIEM", () => {
  test("[A05] sends in order what is there and what comes, framed to the letter", async () => {
    using files = await SiemFiles.make();
    await using collector = await PlayedCollector.open(files);
    const row = new Row();
    row.add(250);
    await using feed = await feedOf(row, files.settings(collector.port));
    await until("all are there", () => collector.messages.length === 250);
    row.add(3);
    feed.wake();
    await until("the new ones are there", () => collector.messages.length === 253);
    assert.deepEqual(seqsOf(collector), upTo(253));
    assert.deepEqual(collector.faults, []);
  });

  test("[A05] a collector that was away for long gets all of it in order, and a condition says so meanwhile", async () => {
    using files = await SiemFiles.make();
    const collector = await PlayedCollector.open(files);
    const { port } = collector;
    await collector[Symbol.asyncDispose]();
    const row = new Row();
    const conditions = new Conditions();
    await using feed = await feedOf(row, files.settings(port), { conditions });
    row.add(1_440);
    feed.wake();
    await until("it is away", () => conditions.list()[0]?.condition === "siemUnreachable");
    await using back = await PlayedCollector.open(files, port);
    await until("all are there", () => back.messages.length === 1_440);
    assert.deepEqual(seqsOf(back), upTo(1_440));
    assert.deepEqual(conditions.list(), []);
  });

  test("[A05] what went from the spool before it could be sent is a gap, with its counts", async () => {
    using files = await SiemFiles.make();
    await using collector = await PlayedCollector.open(files);
    const row = new Row();
    row.add(10);
    row.items.splice(0, 4);
    await using _ = await feedOf(row, files.settings(collector.port));
    await until("all are there", () => collector.messages.length === 7);
    const [first = "", ...others] = collector.messages;
    assert.match(first, / gap \[/);
    const parameters = parametersIn(/\[.*\]/.exec(first)?.[0] ?? "");
    assert.deepEqual(Object.fromEntries(parameters), {
      of: "entry",
      from: "1",
      to: "4",
      count: "4",
    });
    assert.match(first, /^<108>/, "it is a warning");
    assert.equal(others.length, 6);
  });

  test("[A05] what was written on a connection that ended is written again: none is lost, order stays", async () => {
    using files = await SiemFiles.make();
    await using collector = await PlayedCollector.open(files);
    const row = new Row();
    await using feed = await feedOf(row, files.settings(collector.port));
    row.add(20);
    feed.wake();
    await until("all are there", () => collector.messages.length === 20);
    collector.hangUp();
    row.add(5);
    feed.wake();
    await until("all are there again", () => collector.messages.length === 45);
    assert.deepEqual(seqsOf(collector), [...upTo(20), ...upTo(25)]);
    assert.equal(collector.connectionCount, 2);
  });

  test("[A05] twenty minutes later it is not; the next run goes on there", async () => {
    using files = await SiemFiles.make();
    await using collector = await PlayedCollector.open(files);
    const row = new Row();
    const clock = new HastyClock();
    const settings = files.settings(collector.port);
    const feed = await feedOf(row, settings, { clock });
    row.add(20);
    feed.wake();
    await until("all are there", () => collector.messages.length === 20);
    clock.aheadMs += 21 * 60_000;
    row.add(1);
    feed.wake();
    await until("one more", () => collector.messages.length === 21);
    await feed[Symbol.asyncDispose]();
    assert.equal(row.reachedAt, 20);
    await using _ = await feedOf(row, settings);
    await until("the last one comes again", () => collector.messages.length === 22);
    assert.deepEqual(seqsOf(collector), [...upTo(21), 21]);
  });

  test("[A05] a collector with a certificate of another CA, or another name, gets nothing", async () => {
    using files = await SiemFiles.make();
    using others = await SiemFiles.make();
    using named = await SiemFiles.make("siem.clinic.example");
    for (const [server, ca] of [
      [others, files],
      [named, named],
    ] as const) {
      await using collector = await PlayedCollector.open(server);
      const conditions = new Conditions();
      const row = new Row();
      row.add(3);
      const settings = files.settings(collector.port, { caFile: ca.ca });
      await using _ = await feedOf(row, settings, { conditions });
      await until("it is refused", () => conditions.list().length > 0);
      assert.deepEqual(collector.messages, []);
    }
  });

  test("[A05] files that cannot be used are a condition, and are read again for each attempt", async () => {
    using files = await SiemFiles.make();
    await using collector = await PlayedCollector.open(files);
    const caFile = `${files.ca}-later`;
    const conditions = new Conditions();
    const row = new Row();
    row.add(1);
    await using _ = await feedOf(row, files.settings(collector.port, { caFile }), { conditions });
    assert.equal(conditions.list()[0]?.condition, "siemUnreachable");
    const { readFileSync } = await import("node:fs");
    writeFileSync(caFile, readFileSync(files.ca));
    await until("it is there", () => collector.messages.length === 1);
  });
});
