import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  FOLDER_START,
  type FolderEvent,
  type FolderState,
  type FolderStep,
  folderStep,
} from "#agent/deliver/folder-sender-state.ts";

const RULES = { retryMinMs: 1_000, retryMaxMs: 60_000 };
const NOW_MS = 5_000;

const failed = (why: "failing" | "full" | "moved" | "silent", chance = 1): FolderEvent => ({
  ...{ on: "failed", why, nowMs: NOW_MS, chance },
});
const step = (state: FolderState, event: FolderEvent): FolderStep =>
  folderStep(state, event, RULES);
const acts = ({ effects }: FolderStep): string => effects.map(({ act }) => act).join(" ");

const STATES: readonly FolderState[] = [
  { at: "opening", attempt: 2, waiting: false },
  { at: "opening", attempt: 2, waiting: true },
  { at: "taking", attempt: 2, again: false },
  { at: "taking", attempt: 2, again: true },
  { at: "idle", attempt: 2 },
  { at: "writing", attempt: 2, stopping: false },
  { at: "writing", attempt: 2, stopping: true },
  { at: "storing", attempt: 2, stopping: false },
  { at: "storing", attempt: 2, stopping: true },
  { at: "backingOff", attempt: 2, waiting: true, untilMs: 9 },
  { at: "held" },
  { at: "closed" },
];
const EVENTS: readonly FolderEvent[] = [
  ...(["opened", "arrived", "none", "held", "taken", "due", "stored", "written"] as const).map(
    (on): FolderEvent => ({ on }),
  ),
  ...(["nameTaken", "damaged", "looked", "stop", "cut"] as const).map(
    (on): FolderEvent => ({ on }),
  ),
  { on: "unfit", reason: "expired" },
  { on: "released", decision: "retry" },
  { on: "released", decision: "quarantine" },
  failed("failing"),
  { on: "choreFailed", why: "failing", nowMs: NOW_MS, chance: 1 },
];

/** `state+event`: next state, then what is done. Pairs that are not here mean nothing. */
const MOVES: Readonly<Record<string, string>> = {
  "opening+opened": "taking: calm take",
  "opening waiting+opened": "taking: take",
  "opening+failed": "backingOff: wake",
  "opening waiting+failed": "backingOff waiting: wake",
  "taking+arrived": "taking again:",
  "taking+none": "idle:",
  "taking again+none": "taking: take",
  "taking+held": "held:",
  "taking+taken": "writing: write",
  "taking+unfit": "storing: quarantine",
  "taking+damaged": "storing: hold",
  "idle+arrived": "taking: take",
  "idle+looked": "idle: calm",
  "idle+choreFailed": "backingOff: wake",
  "writing+written": "storing: accept calm",
  "writing+nameTaken": "storing: hold calm",
  "writing+damaged": "storing: hold",
  "writing+failed": "backingOff waiting: wake",
  "writing stopping+written": "storing stopping: accept calm",
  "writing stopping+nameTaken": "storing stopping: hold calm",
  "writing stopping+damaged": "storing stopping: hold",
  "writing stopping+failed": "closed:",
  "storing+stored": "taking: take",
  "storing stopping+stored": "closed:",
  "backingOff waiting+due": "opening waiting: open",
  "held+released": "storing: release",
  "writing+stop": "writing stopping:",
  "storing+stop": "storing stopping:",
};
for (const at of ["taking again"]) {
  for (const on of ["held", "taken", "unfit", "damaged"]) {
    (MOVES as Record<string, string>)[`${at}+${on}`] = MOVES[`taking+${on}`] ?? "";
  }
}

function nameOf(state: FolderState): string {
  const flags = [
    ...("waiting" in state && state.waiting ? ["waiting"] : []),
    ...("again" in state && state.again ? ["again"] : []),
    ...("stopping" in state && state.stopping ? ["stopping"] : []),
  ];
  return [state.at, ...flags].join(" ");
}

describe("states of a folder channel", () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const isCut = event.on === "cut" && state.at !== "closed";
      const isStop = event.on === "stop" && !["writing", "storing", "closed"].includes(state.at);
      const known = MOVES[`${nameOf(state)}+${event.on}`];
      const wanted = isCut || isStop ? "closed:" : known;
      const decision = event.on === "released" ? ` ${event.decision}` : "";
      test(`[P54] ${nameOf(state)}, ${event.on}${decision}: ${wanted ?? "nothing"}`, () => {
        const found = step(state, event);
        if (wanted === undefined) {
          assert.equal(found.state, state);
          assert.deepEqual(found.effects, []);
        } else {
          const given = event.on === "released" && event.decision === "quarantine";
          const act = given ? wanted.replace("release", "giveUp") : wanted;
          assert.equal(`${nameOf(found.state)}: ${acts(found)}`.trim(), act);
        }
      });
    }
  }

  test("[P46] it begins by looking at the folder", () => {
    assert.deepEqual(FOLDER_START.effects, [{ act: "open" }]);
    assert.equal(FOLDER_START.state.at, "opening");
  });

  test("[O4] the ceiling of waits doubles up to the longest, and the wait is anywhere below it", () => {
    const ceilings: number[] = [];
    let state: FolderState = { at: "opening", attempt: 0, waiting: false };
    for (let round = 0; round < 9; round++) {
      const next: FolderState = step(state, failed("failing", 0.5)).state;
      assert.ok(next.at === "backingOff");
      ceilings.push((next.untilMs - NOW_MS) * 2);
      state = step(next, { on: "due" }).state;
    }
    const seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60];
    assert.deepEqual(
      ceilings,
      seconds.map((one) => one * 1_000),
    );
  });

  test("[P46] a folder that is away is tried at least each minute, however long waits may be", () => {
    const rules = { retryMinMs: 600_000, retryMaxMs: 3_600_000 };
    const waitMs = (why: Parameters<typeof failed>[0]): number => {
      const { state } = folderStep(
        { at: "opening", attempt: 3, waiting: true },
        failed(why),
        rules,
      );
      return state.at === "backingOff" ? state.untilMs - NOW_MS : -1;
    };
    assert.deepEqual(
      [waitMs("silent"), waitMs("moved"), waitMs("failing")],
      [60_000, 60_000, 3_600_000],
    );
  });

  test("[O4, P46] a person hears from the fifth failure on; of a folder that is silent or another one, at once", () => {
    const alarmed = (attempt: number, why: Parameters<typeof failed>[0]): boolean =>
      acts(step({ at: "writing", attempt, stopping: false }, failed(why))).includes("alarm");
    for (const why of ["failing", "full"] as const) {
      assert.deepEqual(
        [3, 4, 5].map((attempt) => alarmed(attempt, why)),
        [false, true, true],
      );
    }
    for (const why of ["moved", "silent"] as const) assert.equal(alarmed(0, why), true);
  });

  test("[P54] what was written, or is held, begins the count of failures anew; nothing else does", () => {
    const writing: FolderState = { at: "writing", attempt: 7, stopping: false };
    for (const [event, attempt] of [
      [{ on: "written" }, 0],
      [{ on: "nameTaken" }, 0],
      [{ on: "damaged" }, 7],
    ] as const) {
      const { state } = step(writing, event);
      assert.ok(state.at === "storing");
      assert.equal(state.attempt, attempt);
    }
  });
});
