/**
 * Whatever happens, in whatever order, with the power cut anywhere: what 07 2.10 promises holds.
 *
 * A machine that carries out the effects stands beside the state: it runs one configuration as a whole, forgets at a
 * power cut what was not durable, and reports late or never.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { step } from "#config/life-cycle.ts";
import { lifeCycleBytes, lifeCycleFrom } from "#config/life-cycle-record.ts";
import {
  effectiveOf,
  type LifeCycle,
  type LifeCycleEvent,
  type Offer,
  runsOf,
  type Step,
} from "#config/life-cycle-state.ts";
import {
  DAY_MS,
  FRESH,
  NOW_MS,
  offer,
  restarted,
  stateName,
  time,
} from "#test/support/life-cycles.ts";

/** 07 2.10, column "leaves when"; APPLYING follows itself at a restart. */
const LEGAL = new Set([
  ...["NONE RECEIVED", "RECEIVED VERIFIED", "RECEIVED REFUSED"],
  ...["VERIFIED AWAITING_APPROVAL", "VERIFIED SCHEDULED", "VERIFIED REFUSED"],
  ...["AWAITING_APPROVAL SCHEDULED", "AWAITING_APPROVAL REFUSED"],
  ...["SCHEDULED SCHEDULED", "SCHEDULED PREFLIGHT", "SCHEDULED REFUSED"],
  ...["PREFLIGHT APPLYING", "PREFLIGHT SCHEDULED", "PREFLIGHT REFUSED"],
  ...["APPLYING PROBATION", "APPLYING ROLLED_BACK", "APPLYING APPLYING"],
  ...["PROBATION COMMITTED", "PROBATION ROLLED_BACK", "PROBATION APPLYING"],
]);

interface Choice {
  /** Most choices go on; the others are anything. */
  readonly goesOn: boolean;
  readonly pick: number;
  readonly seq: number;
  readonly epoch: number;
  readonly isGood: boolean;
  readonly cutsPower: boolean;
}

const choices = fc.array(
  fc.record({
    goesOn: fc.integer({ min: 0, max: 9 }).map((value) => value < 8),
    pick: fc.nat(1_000),
    seq: fc.integer({ min: 1, max: 9 }),
    epoch: fc.integer({ min: 1, max: 3 }),
    isGood: fc.integer({ min: 0, max: 2 }).map((value) => value > 0),
    cutsPower: fc.integer({ min: 0, max: 11 }).map((value) => value === 0),
  }),
  { minLength: 40, maxLength: 120 },
);

/** The offer that would be taken next. */
function nextOffer(state: LifeCycle, { pick }: Choice): Offer {
  const effective = effectiveOf(state);
  const isFirst = effective?.epoch !== state.epoch;
  const settings = { epoch: state.epoch, seq: state.seqHigh + 1 + (pick % 3) };
  const base = isFirst && pick % 2 === 0 ? null : (effective?.digest ?? null);
  return offer(`${settings.epoch}.${settings.seq}.${pick % 4}`, { ...settings, base });
}

function onward(state: LifeCycle, choice: Choice, pending: Offer | undefined): LifeCycleEvent {
  const { isGood } = choice;
  if (state.freeze !== undefined) return { type: "repaired", epoch: 1, seqHigh: 3 };
  if (pending !== undefined && pending.digest === state.received) {
    return isGood
      ? { type: "verified", offer: pending }
      : { type: "refused", digest: pending.digest, code: "SCHEMA" };
  }
  const { current } = state;
  if (current === undefined) return { type: "received", digest: nextOffer(state, choice).digest };
  const { digest } = current.offer;
  switch (current.state) {
    case "VERIFIED":
      return { type: "approvalLooked", isNeeded: choice.pick % 2 === 0 };
    case "AWAITING_APPROVAL":
      return isGood
        ? {
            type: "approved",
            by: "person",
            digest,
            time: { notBeforeMs: 0, notAfterMs: NOW_MS + DAY_MS },
          }
        : { type: "rejected", digest };
    case "SCHEDULED":
      return time();
    case "PREFLIGHT":
      return isGood
        ? { type: "preflightPassed", digest, nowMs: NOW_MS, windows: [] }
        : { type: "preflightFailed", digest };
    case "APPLYING":
      return { type: isGood ? "applied" : "applyFailed", digest };
    case "PROBATION":
      return { type: isGood ? "probationPassed" : "probationFailed", digest };
  }
}

/** Events of other documents, late ones, and ones that nobody expects. */
function anything(choice: Choice, pool: readonly Offer[]): LifeCycleEvent {
  const one =
    pool[choice.pick % pool.length] ?? offer("none", { seq: choice.seq, epoch: choice.epoch });
  const { digest } = one;
  const EVENTS: readonly LifeCycleEvent[] = [
    { type: "received", digest },
    { type: "verified", offer: one },
    { type: "refused", digest, code: "SIGNATURES" },
    { type: "approvalLooked", isNeeded: choice.isGood },
    {
      type: "approved",
      by: "person",
      digest,
      time: { notBeforeMs: 0, notAfterMs: NOW_MS + DAY_MS },
    },
    { type: "rejected", digest },
    time(choice.isGood ? NOW_MS : NOW_MS + 40 * DAY_MS),
    { type: "preflightPassed", digest, nowMs: NOW_MS, windows: [] },
    { type: "preflightFailed", digest },
    { type: "applied", digest },
    { type: "applyFailed", digest },
    { type: "probationPassed", digest },
    { type: "probationFailed", digest },
    { type: "rollbackAsked", digest },
    { type: "epochRaised", epoch: choice.epoch },
    { type: "trustDamaged" },
    { type: "repaired", epoch: choice.epoch, seqHigh: choice.seq },
  ];
  return (
    EVENTS[
      choice.seq * 31 + choice.pick >= 0 ? (choice.seq * 31 + choice.pick) % EVENTS.length : 0
    ] ?? time()
  );
}

/** Carries effects out; a configuration runs as a whole or not at all. */
class Machine {
  running: string | undefined;

  carryOut({ effects }: Step, appliesNow: boolean): void {
    for (const effect of effects) {
      if (effect.do === "run") this.running = effect.offer?.digest;
      // Otherwise the switch has not come to its end yet.
      if (effect.do === "apply" && appliesNow) this.running = effect.offer.digest;
    }
  }
}

const reached = new Map<string, number>();

function play(sequence: readonly Choice[]): void {
  let state = FRESH;
  let pending: Offer | undefined;
  const pool: Offer[] = [];
  const states = new Map<string, string>();
  const burnt = new Set<string>();
  const machine = new Machine();
  for (const choice of sequence) {
    const event = choice.cutsPower
      ? restarted(NOW_MS + choice.pick * 10_000, choice.isGood)
      : choice.goesOn
        ? onward(state, choice, pending)
        : anything(choice, pool);
    if (choice.cutsPower) machine.running = undefined;
    if (event.type === "received") pending = pendingFor(state, choice, event.digest, pool);
    // `applied` is said once the switch has come to its end; of another one it is late, and says nothing.
    const { current } = state;
    const isApplied = event.type === "applied" && current?.state === "APPLYING";
    if (isApplied && current.offer.digest === event.digest) machine.running = event.digest;
    const before = state;
    const taken = step(before, event);
    state = durable(taken.state);
    machine.carryOut(taken, choice.isGood);
    holds(before, taken, states, burnt);
    runsOne(state, machine);
    reached.set(stateName(state), (reached.get(stateName(state)) ?? 0) + 1);
    if (state.freeze !== undefined) reached.set(state.freeze, 1);
  }
}

function pendingFor(
  state: LifeCycle,
  choice: Choice,
  digest: string,
  pool: Offer[],
): Offer | undefined {
  const next = nextOffer(state, choice);
  if (next.digest !== digest) return pool.find((one) => one.digest === digest);
  if (!pool.some((one) => one.digest === digest)) pool.push(next);
  return next;
}

/** What comes back from where it was kept. */
function durable(state: LifeCycle): LifeCycle {
  const read = lifeCycleFrom(lifeCycleBytes(state));
  assert.deepEqual(read, state);
  return read ?? FRESH;
}

function holds(
  before: LifeCycle,
  { state, transitions, effects }: Step,
  states: Map<string, string>,
  burnt: Set<string>,
): void {
  // seqHigh never falls but with a higher epoch, and the epoch never falls.
  assert.ok(
    state.epoch > before.epoch || (state.epoch === before.epoch && state.seqHigh >= before.seqHigh),
  );
  for (const { digest, from, to } of transitions) {
    assert.ok(LEGAL.has(`${from} ${to}`), `${from} ${to}`);
    // The same document may come again while it waits: that it is looked at once more is no step of its own.
    if (from === "NONE" || (from === "RECEIVED" && to === "REFUSED")) continue;
    if (from !== "RECEIVED") assert.equal(states.get(digest), from);
    states.set(digest, to);
    if (to === "APPLYING") assert.ok(!burnt.has(digest), "what is burnt is never tried again");
    if (to === "ROLLED_BACK") burnt.add(digest);
  }
  // Last known good is only ever what was COMMITTED.
  const made = transitions.find(({ to }) => to === "COMMITTED");
  if (state.lastGood !== before.lastGood) {
    assert.equal(state.lastGood?.digest, made?.digest);
    assert.equal(before.current?.state, "PROBATION");
  } else assert.equal(made, undefined);
  // Nothing changes while changes are frozen.
  if (state.freeze !== undefined) assert.equal(state.current, undefined);
  // At most one is switched to at a time.
  assert.ok(effects.filter(({ do: what }) => what === "run" || what === "apply").length <= 1);
}

/** Old or new as a whole; and what is said to be in effect is what runs. */
function runsOne(state: LifeCycle, { running }: Machine): void {
  if (running === undefined) {
    assert.ok(state.lastGood === undefined || state.current?.state === "APPLYING");
    return;
  }
  if (state.current?.state === "APPLYING") {
    assert.ok([state.lastGood?.digest, runsOf(state)?.digest].includes(running));
  } else assert.equal(running, effectiveOf(state)?.digest);
}

test("[U20] over every order of events and power cuts: seqHigh never falls, last known good was committed, one whole configuration runs", () => {
  fc.assert(fc.property(choices, play), { numRuns: 250 });
  // The walk has been everywhere.
  for (const name of ["AWAITING_APPROVAL", "SCHEDULED", "PREFLIGHT", "APPLYING", "PROBATION"]) {
    assert.ok((reached.get(name) ?? 0) > 50, `${name}: ${reached.get(name)}`);
  }
  for (const name of ["COMMITTED", "ROLLED_BACK", "REFUSED", "safeMode", "trustState"]) {
    assert.ok((reached.get(name) ?? 0) > 0, name);
  }
});

test("[U20] from any state a restart leads to old or new whole, and twice in a row to the old one", () => {
  fc.assert(
    fc.property(choices, (sequence) => {
      let state = FRESH;
      let pending: Offer | undefined;
      for (const choice of sequence) {
        const event = onward(state, choice, pending);
        if (event.type === "received") pending = nextOffer(state, choice);
        state = step(state, event).state;
        const once = step(state, restarted(NOW_MS, false));
        const allowed = [state.lastGood, state.current?.offer];
        assert.ok(allowed.includes(runsOf(once.state)));
        const [first] = once.effects.filter(({ do: what }) => what === "run" || what === "apply");
        assert.ok(first && "offer" in first && first.offer === runsOf(once.state));
        const twice = step(once.state, restarted(NOW_MS, false)).state;
        assert.equal(runsOf(twice), state.lastGood);
        assert.equal(twice.seqHigh, state.seqHigh);
      }
    }),
    { numRuns: 100 },
  );
});

test("[U22] what is kept is read back as it was, or not at all", () => {
  const bytes = lifeCycleBytes(step(FRESH, restarted()).state);
  for (let index = 0; index < bytes.length; index++) {
    const cut = lifeCycleFrom(bytes.slice(0, index));
    assert.equal(cut, undefined);
  }
  const text = new TextDecoder().decode(bytes);
  for (const [from, to] of [
    ['"format":1', '"format":2'],
    ['"epoch":1', '"epoch":-1'],
    ['"seqHigh":0', '"seqHigh":1.5'],
    ['"current":null', '"current":{"state":"COMMITTED"}'],
    ['"freeze":null', '"freeze":null,"more":1'],
  ] as const) {
    assert.ok(text.includes(from), from);
    assert.equal(lifeCycleFrom(new TextEncoder().encode(text.replace(from, to))), undefined);
  }
  assert.equal(lifeCycleFrom(new Uint8Array([0xff])), undefined);
});
