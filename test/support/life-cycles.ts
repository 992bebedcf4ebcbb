/** Configurations on their way, for tests of what becomes of them. @module */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ChangeWindow } from "#config/change-windows.ts";
import { step } from "#config/life-cycle.ts";
import {
  FIRST_LIFE_CYCLE,
  type LifeCycle,
  type LifeCycleEvent,
  type Offer,
  type Step,
} from "#config/life-cycle-state.ts";

export const NOW_MS = Date.parse("2026-11-26T10:00:00Z");
export const DAY_MS = 86_400_000;

export const digestOf = (name: string): string => createHash("sha256").update(name).digest("hex");

/** @param name its digest stands for it */
export const offer = (name: string, settings: Partial<Offer> = {}): Offer => ({
  ...{ digest: digestOf(name), epoch: 1, seq: 1, base: null },
  ...{ offerExpiresMs: NOW_MS + 30 * DAY_MS, risk: "high", ...settings },
});

export const time = (nowMs = NOW_MS, windows: readonly ChangeWindow[] = []): LifeCycleEvent => ({
  ...{ type: "time", nowMs, windows },
});

/** An agent with a trust document of epoch 1. */
export const FRESH: LifeCycle = { ...FIRST_LIFE_CYCLE, epoch: 1 };

/** Takes all events one after the other. @returns what the last of them gave */
export function taken(state: LifeCycle, ...events: readonly LifeCycleEvent[]): Step {
  let last: Step = { state, transitions: [], effects: [] };
  for (const event of events) last = step(last.state, event);
  return last;
}

export const offered = (one: Offer): readonly LifeCycleEvent[] => [
  { type: "received", digest: one.digest },
  { type: "verified", offer: one },
];

/** Through approval and preflight; until it is APPLYING. */
export const switched = (one: Offer, nowMs = NOW_MS): readonly LifeCycleEvent[] => [
  ...offered(one),
  { type: "approvalLooked", isNeeded: false },
  time(nowMs),
  { type: "preflightPassed", digest: one.digest, nowMs, windows: [] },
];

export const applied = (one: Offer, nowMs = NOW_MS): readonly LifeCycleEvent[] => [
  ...switched(one, nowMs),
  { type: "applied", digest: one.digest },
];

export const committed = (one: Offer, nowMs = NOW_MS): readonly LifeCycleEvent[] => [
  ...applied(one, nowMs),
  { type: "probationPassed", digest: one.digest },
];

export const restarted = (nowMs = NOW_MS, crashed = true): LifeCycleEvent => ({
  ...{ type: "restarted", nowMs, crashed },
});

export function stateName({ current, ended }: LifeCycle): string {
  return current?.state ?? ended?.state ?? "NONE";
}

export function assertState(state: LifeCycle, name: string): void {
  assert.equal(stateName(state), name, JSON.stringify(state));
}
