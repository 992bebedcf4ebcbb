import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  step,
  TUNNEL_START,
  type TunnelEffect,
  type TunnelEvent,
  type TunnelState,
} from "#agent/tunnel/tunnel-state.ts";

const NOW_MS = 1_000_000;
const JUST_UNDER_1 = 1 - 2 ** -48;

const STATES: Readonly<Record<string, TunnelState>> = {
  disconnected: { at: "disconnected", attempt: 2, untilMs: NOW_MS },
  connecting: { at: "connecting", attempt: 2 },
  helloSent: { at: "helloSent", attempt: 2 },
  resuming: { at: "resuming", attempt: 2 },
  streaming: { at: "streaming", attempt: 2, sinceMs: NOW_MS - 10 },
  throttled: { at: "throttled", attempt: 2, sinceMs: NOW_MS - 10 },
  drainingToReturn: { at: "draining", next: "disconnected", retryAfterMs: 7_000 },
  drainingToClose: { at: "draining", next: "closed", retryAfterMs: 0 },
  sticky: { at: "sticky", why: "refused", untilMs: NOW_MS },
  heldDown: { at: "heldDown" },
  closed: { at: "closed" },
};

const EVENTS: Readonly<Record<TunnelEvent["on"], TunnelEvent>> = {
  due: { on: "due" },
  upgraded: { on: "upgraded" },
  welcomed: { on: "welcomed" },
  resumed: { on: "resumed", nowMs: NOW_MS },
  throttled: { on: "throttled" },
  credited: { on: "credited" },
  lost: { on: "lost", nowMs: NOW_MS, chance: 0.5 },
  drained: { on: "drained", nowMs: NOW_MS, chance: 0.5 },
  goaway: { on: "goaway", retryAfterMs: 9_000 },
  barred: { on: "barred", why: "fenced", nowMs: NOW_MS, chance: 0 },
  fencedOnce: { on: "fencedOnce", nowMs: NOW_MS, chance: 0.5 },
  stop: { on: "stop" },
  holdDown: { on: "holdDown" },
  letUp: { on: "letUp" },
};

/** Everything that moves: `state event` to the next state and its effects. All else stays as it is. */
const MOVES: Readonly<Record<string, string>> = {
  "disconnected due": "connecting dial",
  "sticky due": "connecting dial",
  "connecting upgraded": "helloSent hello",
  "helloSent welcomed": "resuming open",
  "resuming resumed": "streaming",
  "streaming throttled": "throttled",
  "throttled credited": "streaming",

  "connecting lost": "disconnected armTimer",
  "helloSent lost": "disconnected armTimer",
  "resuming lost": "disconnected armTimer",
  "streaming lost": "disconnected armTimer",
  "throttled lost": "disconnected armTimer",
  "drainingToReturn lost": "disconnected hangUp armTimer",
  "drainingToClose lost": "closed hangUp",

  "helloSent goaway": "draining drain",
  "resuming goaway": "draining drain",
  "streaming goaway": "draining drain",
  "throttled goaway": "draining drain",
  "drainingToReturn drained": "disconnected hangUp armTimer",
  "drainingToClose drained": "closed hangUp",

  "connecting barred": "sticky hangUp armTimer",
  "helloSent barred": "sticky hangUp armTimer",
  "resuming barred": "sticky hangUp armTimer",
  "streaming barred": "sticky hangUp armTimer",
  "throttled barred": "sticky hangUp armTimer",
  "drainingToReturn barred": "sticky hangUp armTimer",
  "drainingToClose barred": "closed hangUp",

  "connecting fencedOnce": "sticky hangUp armTimer",
  "helloSent fencedOnce": "sticky hangUp armTimer",
  "drainingToReturn fencedOnce": "sticky hangUp armTimer",
  "drainingToClose fencedOnce": "closed hangUp",
  "resuming fencedOnce": "disconnected hangUp armTimer",
  "streaming fencedOnce": "disconnected hangUp armTimer",
  "throttled fencedOnce": "disconnected hangUp armTimer",

  "disconnected stop": "closed hangUp",
  "connecting stop": "closed hangUp",
  "helloSent stop": "closed hangUp",
  "resuming stop": "closed hangUp",
  "streaming stop": "draining drain",
  "throttled stop": "draining drain",
  "drainingToReturn stop": "draining",
  "sticky stop": "closed hangUp",
  "heldDown stop": "closed hangUp",

  "disconnected holdDown": "heldDown cut",
  "connecting holdDown": "heldDown cut",
  "helloSent holdDown": "heldDown cut",
  "resuming holdDown": "heldDown cut",
  "streaming holdDown": "heldDown cut",
  "throttled holdDown": "heldDown cut",
  "drainingToReturn holdDown": "heldDown cut",
  "sticky holdDown": "heldDown cut",
  "heldDown letUp": "connecting dial",
};

describe("tunnel state, over every pair of state and event", () => {
  for (const [name, state] of Object.entries(STATES)) {
    for (const [on, event] of Object.entries(EVENTS)) {
      const move = MOVES[`${name} ${on}`];
      test(`[TP27] ${name} ${move === undefined ? "stays as it is" : `goes to ${move}`} on ${on}`, () => {
        const frozen = Object.freeze({ ...state });
        const { state: next, effects } = step(frozen, event);
        if (move === undefined) {
          assert.equal(next, frozen, "the same object");
          assert.deepEqual(effects, []);
        } else assert.equal([next.at, ...effects].join(" "), move);
      });
    }
  }

  test("every event of the machine is in the table, and every state", () => {
    assert.equal(new Set(Object.values(STATES).map(({ at }) => at)).size, 10);
    for (const pair of Object.keys(MOVES)) {
      const [state = "", on = ""] = pair.split(" ");
      assert.ok(state in STATES && on in EVENTS, pair);
    }
  });

  test("an armed timer has a time, and nothing else has one", () => {
    for (const state of Object.values(STATES)) {
      for (const event of Object.values(EVENTS)) {
        const { state: next, effects } = step(state, event);
        const armed: readonly TunnelEffect[] = ["armTimer"];
        if (effects.some((effect) => armed.includes(effect))) assert.ok("untilMs" in next);
      }
    }
  });
});

describe("tunnel state waits", () => {
  const lose = (state: TunnelState, chance: number, nowMs = 0): TunnelState =>
    step(state, { on: "lost", nowMs, chance }).state;
  const waitOf = (state: TunnelState, nowMs = 0): number => {
    assert.ok(state.at === "disconnected" || state.at === "sticky");
    return state.untilMs - nowMs;
  };

  test("[TP27] doubling from 1 s to 60 s, and full jitter down to nothing", () => {
    const ceilings: number[] = [];
    let state: TunnelState = TUNNEL_START;
    for (let i = 0; i < 40; i++) {
      const dialling = step(state, { on: "due" }).state;
      assert.equal(waitOf(lose(dialling, 0)), 0);
      state = lose(dialling, JUST_UNDER_1);
      ceilings.push(waitOf(state));
    }
    const expected = [1, 2, 4, 8, 16, 32, ...new Array(34).fill(60)].map((s) => s * 1_000);
    for (const [index, ceiling] of ceilings.entries()) {
      assert.ok(ceiling < (expected[index] ?? 0) && ceiling > (expected[index] ?? 0) - 1);
    }
  });

  test("[TP27, TP28] ten thousand losses later it still tries", () => {
    let state: TunnelState = TUNNEL_START;
    for (let i = 0; i < 10_000; i++) {
      state = lose(step(state, { on: "due" }).state, JUST_UNDER_1);
      assert.ok(waitOf(state) <= 60_000);
    }
    assert.equal(step(state, { on: "due" }).state.at, "connecting");
  });

  for (const at of ["streaming", "throttled"] as const) {
    test(`[TP27] 60 s of ${at} forgive the attempts; 59.999 s do not`, () => {
      const state: TunnelState = { at, attempt: 5, sinceMs: 1_000 };
      const forgiven = lose(state, JUST_UNDER_1, 61_000);
      assert.ok(waitOf(forgiven, 61_000) > 29_999 && waitOf(forgiven, 61_000) < 30_000);
      assert.equal(waitOf(lose(state, 0, 61_000), 61_000), 0);
      assert.ok(forgiven.at === "disconnected" && forgiven.attempt === 0);
      const kept = lose(state, JUST_UNDER_1, 60_999);
      assert.ok(waitOf(kept, 60_999) > 31_999);
      assert.ok(kept.at === "disconnected" && kept.attempt === 6);
    });
  }

  test("[TP27] being throttled in between does not begin the 60 s anew", () => {
    let state: TunnelState = { at: "streaming", attempt: 5, sinceMs: 0 };
    state = step(state, { on: "throttled" }).state;
    state = step(state, { on: "credited" }).state;
    assert.deepEqual(state, { at: "streaming", attempt: 5, sinceMs: 0 });
  });

  test("[TP5, TP27] an overloaded receiver's retry-after plus up to 30 s, and the attempts count", () => {
    for (const [chance, jitterMs] of [
      [0, 0],
      [JUST_UNDER_1, 30_000],
    ] as const) {
      const event = { on: "lost", nowMs: 500, chance, retryAfterMs: 5_000 } as const;
      const { state } = step({ at: "connecting", attempt: 3 }, event);
      assert.ok(Math.abs(waitOf(state, 500) - 5_000 - jitterMs) < 1);
      assert.ok(state.at === "disconnected" && state.attempt === 4);
    }
  });

  test("[TP27] after GOAWAY up to 30 s, and the given retry-after plus that", () => {
    for (const retryAfterMs of [0, 45_000]) {
      for (const [chance, jitterMs] of [
        [0, 0],
        [JUST_UNDER_1, 30_000],
      ] as const) {
        const goaway: TunnelEvent = { on: "goaway", retryAfterMs };
        const draining = step({ at: "streaming", attempt: 7, sinceMs: 0 }, goaway).state;
        const { state } = step(draining, { on: "drained", nowMs: 500, chance });
        assert.ok(Math.abs(waitOf(state, 500) - retryAfterMs - jitterMs) < 1);
        assert.ok(state.at === "disconnected" && state.attempt === 0);
      }
    }
  });

  test("[TP27] [RI2] fenced for the first time: up to 30 s, as after GOAWAY", () => {
    for (const [chance, waitMs] of [
      [0, 0],
      [JUST_UNDER_1, 30_000],
    ] as const) {
      const event: TunnelEvent = { on: "fencedOnce", nowMs: 5, chance };
      const { state } = step({ at: "streaming", attempt: 3, sinceMs: 0 }, event);
      assert.ok(Math.abs(waitOf(state, 5) - waitMs) < 1);
      assert.ok(state.at === "disconnected" && state.attempt === 0);
    }
  });

  test("[TP27] sticky states 150 to 300 s, whatever came before", () => {
    for (const why of ["fenced", "duplicateIdentity", "version", "refused"] as const) {
      for (const [chance, waitMs] of [
        [0, 150_000],
        [JUST_UNDER_1, 300_000],
      ] as const) {
        const barred: TunnelEvent = { on: "barred", why, nowMs: 5, chance };
        const { state } = step({ at: "connecting", attempt: 9 }, barred);
        assert.ok(state.at === "sticky" && state.why === why);
        assert.ok(Math.abs(waitOf(state, 5) - waitMs) < 1);
      }
    }
  });

  test("[TP27] nothing but stop ends it: no walk without one reaches closed", () => {
    let states: TunnelState[] = [TUNNEL_START];
    for (let depth = 0; depth < 5; depth++) {
      states = states.flatMap((state) =>
        Object.values(EVENTS)
          .filter(({ on }) => on !== "stop")
          .map((event) => step(state, event).state),
      );
      const seen = new Map(states.map((state) => [JSON.stringify(state), state]));
      states = [...seen.values()];
      assert.ok(states.every(({ at }) => at !== "closed"));
    }
  });
});
