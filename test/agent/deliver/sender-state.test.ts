import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SenderRules } from "#agent/deliver/sender-settings.ts";
import {
  SENDER_START,
  type SenderEvent,
  type SenderState,
  step,
} from "#agent/deliver/sender-state.ts";
import { NO_TRIES } from "#test/support/memory-queue.ts";
import { SENDER_SETTINGS } from "#test/support/sender-bench.ts";

const RULES: SenderRules = SENDER_SETTINGS;
const NOW = { nowMs: 1_000, chance: 0.5 };
const JUST_UNDER_1 = 1 - 2 ** -52;

const exchange = { attempt: 0, tries: NO_TRIES, stopping: false };
const STATES: readonly SenderState[] = [
  { at: "idle", attempt: 0 },
  { at: "taking", attempt: 0, again: false },
  { at: "connecting", attempt: 0, tries: NO_TRIES },
  { at: "sending", ...exchange },
  { at: "awaitingReply", ...exchange },
  { at: "storing", attempt: 0, next: "take", stopping: false },
  { at: "backingOff", attempt: 1, untilMs: 5 },
  { at: "held" },
  { at: "closed" },
];
const EVENTS: readonly SenderEvent[] = [
  { on: "arrived" },
  { on: "none" },
  { on: "held" },
  { on: "taken", tries: NO_TRIES },
  { on: "unfit", reason: "expired" },
  { on: "damaged" },
  { on: "connected" },
  { on: "unreachable", ...NOW },
  { on: "written" },
  { on: "replied", meaning: "accepted" },
  { on: "misreplied" },
  { on: "timedOut" },
  { on: "lost", wrote: true, ...NOW },
  { on: "stored", ...NOW },
  { on: "due" },
  { on: "released", decision: "retry" },
  { on: "stop" },
  { on: "cut" },
];

const stateAt = (at: SenderState["at"]): SenderState => {
  const found = STATES.find((state) => state.at === at);
  assert.ok(found);
  return found;
};

/** What follows: the state's name, then the effects'. */
function follows(
  state: SenderState,
  event: SenderEvent,
  changed: Partial<SenderRules> = {},
): string {
  const { state: next, effects } = step(state, event, { ...RULES, ...changed });
  const acts = effects.map((effect) => {
    if (effect.act === "hold") return `hold ${effect.why}`;
    if (effect.act === "quarantine") return `quarantine ${effect.reason}`;
    if (effect.act === "alarm") return `alarm ${effect.alarm} ${effect.count}`;
    return effect.act;
  });
  return [next.at, ...acts].join(", ");
}

/** Where each event leads from each state; what is not here changes nothing. */
const MOVES: Readonly<Record<string, string>> = {
  "idle arrived": "taking, take",
  "idle stop": "closed, finish",
  "taking arrived": "taking",
  "taking none": "idle",
  "taking held": "held",
  "taking taken": "connecting, connect",
  "taking unfit": "storing, quarantine expired",
  "taking damaged": "storing, hold damaged",
  "taking stop": "closed, finish",
  "connecting connected": "sending, send",
  "connecting unreachable": "backingOff, disconnect, wake",
  "connecting stop": "closed, finish",
  "sending written": "awaitingReply, awaitReply",
  "sending replied": "storing, disconnect, note",
  "sending misreplied": "storing, disconnect, note",
  "sending timedOut": "storing, disconnect, note",
  "sending lost": "storing, disconnect, note",
  "sending damaged": "storing, disconnect, hold damaged",
  "sending stop": "sending",
  "awaitingReply replied": "storing, accept",
  "awaitingReply misreplied": "storing, disconnect, note",
  "awaitingReply timedOut": "storing, disconnect, note",
  "awaitingReply lost": "storing, disconnect, note",
  "awaitingReply damaged": "storing, disconnect, hold damaged",
  "awaitingReply stop": "awaitingReply",
  "storing stored": "taking, take",
  "storing stop": "storing",
  "backingOff due": "taking, take",
  "backingOff stop": "closed, finish",
  "held released": "storing, release",
  "held stop": "closed, finish",
};

describe("the sender's states", () => {
  test("[O1] every pair of state and event is decided, and late events change nothing", () => {
    for (const state of STATES) {
      for (const event of EVENTS) {
        const pair = `${state.at} ${event.on}`;
        const wanted = event.on === "cut" ? "closed, disconnect" : MOVES[pair];
        if (state.at === "closed" || wanted === undefined) {
          const { state: same, effects } = step(state, event, RULES);
          assert.equal(same, state, pair);
          assert.deepEqual(effects, [], pair);
        } else {
          assert.equal(follows(state, event), wanted, pair);
        }
      }
    }
  });

  test("[O1] it begins by asking the queue, and an arrival meanwhile is not lost", () => {
    assert.deepEqual(SENDER_START, { at: "taking", attempt: 0, again: false });
    const { state } = step(SENDER_START, { on: "arrived" }, RULES);
    assert.equal(follows(state, { on: "none" }), "taking, take");
  });

  test("[O1, O2] nothing is taken while one message is in hand, and nothing moves while something is stored", () => {
    for (const at of [
      "connecting",
      "sending",
      "awaitingReply",
      "storing",
      "backingOff",
      "held",
    ] as const) {
      const state = stateAt(at);
      assert.equal(step(state, { on: "arrived" }, RULES).state, state);
    }
  });

  const replies = [
    ["accepted", {}, "storing, accept"],
    ["acceptedForNow", {}, "storing, awaitApplication"],
    ["error", {}, "storing, note"],
    ["rejected", {}, "storing, hold rejected"],
    ["rejected", { onReject: "quarantine" }, "storing, quarantine rejected"],
    ["rejected", { onReject: "retryForever" }, "storing, note"],
    ["error", { errorRetries: 0 }, "storing, hold error"],
    ["error", { errorRetries: 0, onError: "quarantine" }, "storing, quarantine error"],
    ["error", { errorRetries: 0, onError: "retryForever" }, "storing, note"],
    ["accepted", { keepOpen: false }, "storing, finish, accept"],
  ] as const;
  for (const [meaning, rules, wanted] of replies) {
    test(`[O5, O6] ${meaning} with ${JSON.stringify(rules)} leads to: ${wanted}`, () => {
      assert.equal(follows(stateAt("awaitingReply"), { on: "replied", meaning }, rules), wanted);
    });
  }

  test("[O5] AE is followed by three more tries, the next one by the policy; the count is what was stored", () => {
    for (const [negativeCount, wanted] of [
      [0, "storing, note"],
      [2, "storing, note"],
      [3, "storing, hold error"],
    ] as const) {
      const state = {
        ...exchange,
        at: "awaitingReply",
        tries: { ...NO_TRIES, negativeCount },
      } as const;
      assert.equal(follows(state, { on: "replied", meaning: "error" }), wanted);
    }
  });

  test("[O3] the third unusable reply in a row leads to onError; a negative reply ends the row", () => {
    const tries = { ...NO_TRIES, replyErrorCount: 2 };
    const state = { ...exchange, at: "awaitingReply", tries } as const;
    assert.equal(follows(state, { on: "misreplied" }), "storing, disconnect, hold replyErrors");
    const quarantine = { onError: "quarantine" } as const;
    const wanted = "storing, disconnect, quarantine replyErrors";
    assert.equal(follows(state, { on: "misreplied" }, quarantine), wanted);
    const { effects } = step(state, { on: "replied", meaning: "error" }, RULES);
    const counted = { negativeCount: 1, replyErrorCount: 0, timeoutCount: 0 };
    assert.deepEqual(effects.at(-1), { act: "note", tries: counted });
  });

  test("[O3] a positive reply before the message has left as a whole is no reply to it", () => {
    const state = stateAt("sending");
    for (const meaning of ["accepted", "acceptedForNow"] as const) {
      assert.equal(follows(state, { on: "replied", meaning }), "storing, disconnect, note");
    }
    assert.equal(
      follows(state, { on: "replied", meaning: "rejected" }),
      "storing, disconnect, hold rejected",
    );
  });

  test("[O4] no reply is counted and never ends in anything but another try; alarm from the fifth time", () => {
    for (const timeoutCount of [0, 3, 4, 1_000_000]) {
      const tries = { ...NO_TRIES, timeoutCount };
      const state = { ...exchange, at: "awaitingReply", tries } as const;
      const { state: next, effects } = step(state, { on: "timedOut" }, RULES);
      assert.ok(next.at === "storing" && next.next === "backOff");
      assert.deepEqual(effects.at(-1), {
        act: "note",
        tries: { ...NO_TRIES, timeoutCount: timeoutCount + 1 },
      });
      const alarms = effects.filter(({ act }) => act === "alarm").length;
      assert.equal(alarms, timeoutCount >= 4 ? 1 : 0, `after ${timeoutCount}`);
    }
  });

  test("[O4] waits are anywhere below 1, 2, 4 … 60 seconds: full jitter", () => {
    let state: SenderState = { at: "connecting", attempt: 0, tries: NO_TRIES };
    for (const ceilingMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      for (const chance of [0, JUST_UNDER_1]) {
        const waiting: SenderState = step(
          state,
          { on: "unreachable", nowMs: 500, chance },
          RULES,
        ).state;
        assert.ok(waiting.at === "backingOff");
        assert.ok(Math.abs(waiting.untilMs - 500 - ceilingMs * chance) < 1);
        if (chance > 0) state = { at: "connecting", attempt: waiting.attempt, tries: NO_TRIES };
      }
    }
    const ages = step(
      { at: "connecting", attempt: 16, tries: NO_TRIES },
      { on: "unreachable", nowMs: 0, chance: 1 },
      RULES,
    );
    assert.ok(ages.state.at === "backingOff" && ages.state.attempt === 16);
  });

  test("[O4] a message that was settled forgives the attempts before it", () => {
    const state = { ...exchange, at: "awaitingReply", attempt: 7 } as const;
    const { state: next } = step(state, { on: "replied", meaning: "accepted" }, RULES);
    assert.ok(next.at === "storing" && next.attempt === 0);
  });

  test("[O8] a connection that broke before the first byte is no reply that is missing", () => {
    const lost = { on: "lost", wrote: false, ...NOW } as const;
    assert.equal(follows(stateAt("sending"), lost), "backingOff, disconnect, wake");
  });

  test("[O8] the fifth connection in vain raises an alarm", () => {
    const state = { at: "connecting", attempt: 4, tries: NO_TRIES } as const;
    const wanted = "backingOff, disconnect, alarm endpointUnreachable 5, wake";
    assert.equal(follows(state, { on: "unreachable", ...NOW }), wanted);
  });

  test("[O5] after a hold a person decides: again, or set aside", () => {
    const held = stateAt("held");
    assert.equal(follows(held, { on: "released", decision: "retry" }), "storing, release");
    assert.equal(follows(held, { on: "released", decision: "quarantine" }), "storing, giveUp");
  });

  test("[O1] after stop the exchange in hand is finished, stored, and nothing more is begun", () => {
    for (const at of ["sending", "awaitingReply"] as const) {
      let state: SenderState = step(stateAt(at), { on: "stop" }, RULES).state;
      if (at === "sending") state = step(state, { on: "written" }, RULES).state;
      state = step(state, { on: "replied", meaning: "accepted" }, RULES).state;
      assert.equal(follows(state, { on: "stored", ...NOW }), "closed, finish");
    }
    const state: SenderState = step(stateAt("sending"), { on: "stop" }, RULES).state;
    const lost = { on: "lost", wrote: false, ...NOW } as const;
    assert.equal(follows(state, lost), "closed, disconnect");
  });

  test("[O4] nothing but stop and cut ends it: no walk without them reaches closed", () => {
    let states: SenderState[] = [SENDER_START];
    for (let depth = 0; depth < 6; depth++) {
      states = states.flatMap((state) =>
        EVENTS.filter(({ on }) => on !== "stop" && on !== "cut").map(
          (event) => step(state, event, RULES).state,
        ),
      );
      states = [...new Map(states.map((state) => [JSON.stringify(state), state])).values()];
      assert.ok(states.every(({ at }) => at !== "closed"));
    }
    assert.equal(new Set(states.map(({ at }) => at)).size, STATES.length - 1);
  });
});
