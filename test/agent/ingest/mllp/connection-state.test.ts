import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CONNECTION_START,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  step,
} from "#agent/ingest/mllp/connection-state.ts";

const MIB = 1024 * 1024;
const few = { count: 1, bytes: 10 };
const many = { count: 100, bytes: 1_000 };
const none = { count: 0, bytes: 0 };

const taken: ConnectionEvent = { on: "taken", bytes: 10 };
const answered: ConnectionEvent = { on: "answered", bytes: 10 };
const saturated: ConnectionEvent = { on: "saturated" };
const room: ConnectionEvent = { on: "room" };
const ending: ConnectionEvent = { on: "ending" };
const refused: ConnectionEvent = { on: "refused" };
const lost: ConnectionEvent = { on: "lost" };

const reading: ConnectionState = { at: "reading", waiting: few };
const paused: ConnectionState = { at: "paused", waiting: few };
const finishing: ConnectionState = { at: "finishing", waiting: few };
const closed: ConnectionState = { at: "closed" };

/** Every pair of state and event: where it leads, and what is done. */
const TABLE: readonly (readonly [
  ConnectionState,
  ConnectionEvent,
  ConnectionState["at"],
  readonly ConnectionEffect[],
])[] = [
  [reading, taken, "reading", []],
  [reading, answered, "reading", []],
  [reading, saturated, "paused", ["pause"]],
  [reading, room, "reading", []],
  [reading, ending, "finishing", ["pause"]],
  [reading, refused, "closed", ["destroy"]],
  [reading, lost, "closed", []],
  [paused, taken, "paused", []],
  [paused, answered, "reading", ["resume"]],
  [paused, saturated, "paused", []],
  [paused, room, "reading", ["resume"]],
  [paused, ending, "finishing", ["pause"]],
  [paused, refused, "closed", ["destroy"]],
  [paused, lost, "closed", []],
  [finishing, taken, "finishing", []],
  [finishing, answered, "closed", ["end"]],
  [finishing, saturated, "finishing", []],
  [finishing, room, "finishing", []],
  [finishing, ending, "finishing", []],
  [finishing, refused, "closed", ["destroy"]],
  [finishing, lost, "closed", []],
  [closed, taken, "closed", []],
  [closed, answered, "closed", []],
  [closed, saturated, "closed", []],
  [closed, room, "closed", []],
  [closed, ending, "closed", []],
  [closed, refused, "closed", []],
  [closed, lost, "closed", []],
];
for (const [state, event, at, effects] of TABLE) {
  test(`[C5, E8] connection goes from ${state.at} to ${at} on ${event.on}`, () => {
    const next = step(state, event);
    assert.equal(next.state.at, at);
    assert.deepEqual(next.effects, effects);
  });
}

const MEANINGLESS: readonly (readonly [ConnectionState, ConnectionEvent])[] = [
  [paused, saturated],
  [finishing, saturated],
  [finishing, ending],
  ...[taken, answered, saturated, room, ending, refused, lost].map(
    (event) => [closed, event] as const,
  ),
];
for (const [state, event] of MEANINGLESS) {
  test(`[E6] connection stays the same when ${event.on} comes while ${state.at}`, () => {
    assert.equal(step(state, event).state, state);
  });
}

const walk = (events: readonly ConnectionEvent[], from = CONNECTION_START): ConnectionState =>
  events.reduce((state, event) => step(state, event).state, from);
const times = (count: number, event: ConnectionEvent): ConnectionEvent[] =>
  new Array<ConnectionEvent>(count).fill(event);

test("[C5] connection pauses at 100 waiting blocks and reads on at 50", () => {
  assert.equal(walk(times(99, taken)).at, "reading");
  const full = walk(times(100, taken));
  assert.deepEqual(full, { at: "paused", waiting: many });
  assert.equal(walk(times(49, answered), full).at, "paused");
  assert.equal(walk(times(50, answered), full).at, "reading");
});

test("[C5] connection pauses at 8 MiB that wait and reads on at 4 MiB", () => {
  const large: ConnectionEvent = { on: "taken", bytes: 2 * MIB };
  assert.equal(walk(times(3, large)).at, "reading");
  const full = walk(times(4, large));
  assert.equal(full.at, "paused");
  assert.equal(walk([{ on: "answered", bytes: 2 * MIB }], full).at, "paused");
  assert.equal(walk(times(2, { on: "answered", bytes: 2 * MIB }), full).at, "reading");
});

test("[C5] room does not make a connection read whose own line is full", () => {
  const full = walk(times(100, taken));
  assert.equal(walk([room], full).at, "paused");
});

test("[E8] an ending connection closes at once when nothing waits, else after the last answer", () => {
  assert.deepEqual(step({ at: "reading", waiting: none }, ending), {
    state: closed,
    effects: ["pause", "end"],
  });
  const two = walk([taken, taken, ending]);
  assert.equal(walk([answered], two).at, "finishing");
  assert.equal(walk([answered, answered], two).at, "closed");
});

test("[C5] whatever happens, the connection reads only while there is room, and ends once", () => {
  const event = fc.oneof(
    fc.constantFrom(saturated, room, ending, refused, lost),
    fc.record({ on: fc.constant("taken" as const), bytes: fc.nat(3 * MIB) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), (events) => {
      let state = CONNECTION_START;
      let ends = 0;
      for (const one of events) {
        const next = step(state, one);
        state = next.state;
        ends += next.effects.filter((effect) => effect === "end" || effect === "destroy").length;
        if (state.at === "reading") {
          assert.ok(state.waiting.count < 100 && state.waiting.bytes < 8 * MIB);
        }
      }
      assert.ok(ends <= 1);
    }),
  );
});
