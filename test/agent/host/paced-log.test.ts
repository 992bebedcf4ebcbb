/** A log that no peer can flood (08 PL6). @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError, identifierFrom } from "#agent/errors.ts";
import { type Log, paced } from "#agent/host/log.ts";
import { ManualClock } from "#test/support/clocks.ts";

interface Bench {
  readonly log: Log;
  readonly clock: ManualClock;
  /** The event of each line, with its facts as JSON, or its error's code. */
  readonly lines: string[];
}

function open(): Bench {
  const clock = new ManualClock();
  const lines: string[] = [];
  const under: Log = {
    write: (event, facts) => void lines.push(`${event} ${JSON.stringify(facts)}`),
    fault: (event, error) => void lines.push(`${event} ${error.code}`),
  };
  return { log: paced(under, clock), clock, lines };
}

function many(log: Log, from: number, count: number): void {
  for (let i = from; i < from + count; i++) log.write("connectionRefused", { count: i });
}

const refused = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `connectionRefused {"count":${from + index}}`);

test("[PL6] ten lines of an event in a second are written as they are, at once, and nothing is summed up", () => {
  const { log, clock, lines } = open();
  many(log, 0, 10);
  assert.deepEqual(lines, refused(0, 10));
  clock.advance(5_000);
  assert.deepEqual(lines, refused(0, 10));
  assert.equal(clock.armedCount, 0, "a log that has nothing to say has no timer");
});

test("[PL6] above ten the rest of the second is one line that says how many were left out", () => {
  const { log, clock, lines } = open();
  many(log, 0, 500);
  clock.advance(999);
  many(log, 500, 13);
  assert.deepEqual(lines, refused(0, 10));
  clock.advance(1);
  const sum = 'linesSummedUp {"code":"connectionRefused","count":503}';
  assert.deepEqual(lines, [...refused(0, 10), sum]);
  many(log, 513, 1);
  assert.deepEqual(lines.at(-1), refused(513, 1)[0], "the next second begins anew");
});

test("[PL6] each second has ten lines: a flood of an hour is eleven lines a second at most", () => {
  const { log, clock, lines } = open();
  for (let second = 0; second < 60; second++) {
    many(log, 0, 1_000);
    clock.advance(1_000);
  }
  assert.equal(lines.length, 60 * 11);
  const left = lines
    .filter((line) => line.startsWith("linesSummedUp"))
    .map((line) => JSON.parse(line.slice(line.indexOf("{"))).count);
  assert.deepEqual(left, new Array(60).fill(990));
});

test("[PL6] a flood of one event costs no line of another", () => {
  const { log, clock, lines } = open();
  many(log, 0, 100);
  for (let i = 0; i < 10; i++) log.write("connectionOpened", { count: i });
  log.write("storeFailing", {});
  const others = lines.filter((line) => !line.startsWith("connectionRefused"));
  assert.equal(others.length, 11);
  clock.advance(1_000);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("linesSummedUp")),
    ['linesSummedUp {"code":"connectionRefused","count":90}'],
  );
});

test("[PL6] faults are paced like lines, and together with the lines of their event", () => {
  const { log, clock, lines } = open();
  const error = new AgentError("TUNNEL_UNREACHABLE", { sysCode: identifierFrom("ECONNRESET") });
  for (let i = 0; i < 8; i++) log.write("tunnelLost", {});
  for (let i = 0; i < 8; i++) log.fault("tunnelLost", error);
  assert.deepEqual(lines.slice(8), new Array(2).fill("tunnelLost TUNNEL_UNREACHABLE"));
  clock.advance(1_000);
  assert.equal(lines.at(-1), 'linesSummedUp {"code":"tunnelLost","count":6}');
});
