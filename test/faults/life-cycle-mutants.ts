/**
 * Defects in the life of a signed configuration that the named tests must notice (07 2.8, 2.10, 2.11; U06, U20, U22 to U25).
 *
 * @module
 */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const LIFE_CYCLE = "config/life-cycle.ts";
const FAILING_CONFIGURATION_TEST = "test/abuse/failing-configuration.test.ts";
const LIFE_CYCLE_TEST = "test/config/life-cycle.test.ts";
const LIFE_CYCLE_STATE = "config/life-cycle-state.ts";
const CHANGE_WINDOWS = "config/change-windows.ts";
const CHANGE_WINDOWS_TEST = "test/config/change-windows.test.ts";
const ZONED_TIME = "config/zoned-time.ts";
const PROBATION = "config/probation.ts";
const PROBATION_TEST = "test/config/probation.test.ts";
const CONFIG_RULES = "documents/config-rules.ts";

export const LIFE_CYCLE_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "life cycle: a frozen agent takes configurations",
    LIFE_CYCLE,
    ['  if (state.freeze !== undefined) return "FROZEN";\n', ""],
    [FAILING_CONFIGURATION_TEST, "U22|U23"],
  ),
  oneEdit(
    "life cycle: the epoch is not compared",
    LIFE_CYCLE,
    ['  if (offer.epoch !== state.epoch) return "EPOCH";\n', ""],
    [LIFE_CYCLE_TEST, "VC3"],
  ),
  oneEdit(
    "life cycle: the sequence is not compared",
    LIFE_CYCLE,
    ['  if (sequence.kind === "refused") return sequence.code;\n', ""],
    [LIFE_CYCLE_TEST, "VC4"],
  ),
  oneEdit(
    "life cycle: one that is tried is superseded",
    LIFE_CYCLE,
    ['  if (isSettled(state.current)) return "BUSY";\n', ""],
    [LIFE_CYCLE_TEST, "VC10"],
  ),
  oneEdit(
    "life cycle: the base is not compared",
    LIFE_CYCLE,
    ["  return whatBaseForbids(offer.base, standing)?.code;\n", "  return undefined;\n"],
    [LIFE_CYCLE_TEST, "VC5"],
  ),
  oneEdit(
    "life cycle: the base is not looked at again before preflight",
    LIFE_CYCLE,
    ["  if (!isBased) return drop", "  if (isBased === undefined) return drop"],
    [LIFE_CYCLE_TEST, "VC5"],
  ),
  oneEdit(
    "life cycle: the base is not looked at again before the switch",
    LIFE_CYCLE,
    [
      '  if (whatBaseForbids(offer.base, standingOf(state))) return drop(state, current, "BASE_MISMATCH");\n',
      "",
    ],
    [LIFE_CYCLE_TEST, "VC5"],
  ),
  oneEdit(
    "life cycle: seqHigh is not raised",
    LIFE_CYCLE,
    ["Math.max(state.seqHigh, seq)", "Math.min(state.seqHigh, seq)"],
    [LIFE_CYCLE_TEST, "VC10"],
  ),
  oneEdit(
    "life cycle: a yes to another document counts",
    LIFE_CYCLE,
    [
      "  if (current?.offer.digest !== digest) return stay(state);\n  // More",
      "  if (current === undefined) return stay(state);\n  // More",
    ],
    [LIFE_CYCLE_TEST, "VC11"],
  ),
  oneEdit(
    "life cycle: a no to another document counts",
    LIFE_CYCLE,
    [
      "!isWaiting(state.current) || state.current.offer.digest !== event.digest)",
      "!isWaiting(state.current))",
    ],
    [LIFE_CYCLE_TEST, "VC11"],
  ),
  oneEdit(
    "life cycle: it starts outside of windows",
    LIFE_CYCLE,
    [
      "!mayStart(current.approved, event)) return stay(state);",
      "!mayStart(current.approved, { ...event, windows: [] })) return stay(state);",
    ],
    [LIFE_CYCLE_TEST, "U06"],
  ),
  oneEdit(
    "life cycle: it is switched to outside of windows",
    LIFE_CYCLE,
    [
      "  if (!mayStart(approved, event)) return schedule(state, current, { time: approved, by });\n",
      "",
    ],
    [LIFE_CYCLE_TEST, "U06"],
  ),
  oneEdit(
    "life cycle: an expired offer goes on waiting",
    LIFE_CYCLE,
    [
      '  if (event.nowMs >= current.offer.offerExpiresMs) return drop(state, current, "EXPIRED");\n',
      "",
    ],
    [LIFE_CYCLE_TEST, "VC6"],
  ),
  oneEdit(
    "life cycle: an expired offer is switched to",
    LIFE_CYCLE,
    ['  if (event.nowMs >= offer.offerExpiresMs) return drop(state, current, "EXPIRED");\n', ""],
    [LIFE_CYCLE_TEST, "VC6"],
  ),
  oneEdit(
    "life cycle: a late preflight counts for another",
    LIFE_CYCLE,
    [
      '  const isIt = current?.state === "PREFLIGHT" && current.offer.digest === digest;\n',
      '  const isIt = current?.state === "PREFLIGHT" && digest !== "";\n',
    ],
    [FAILING_CONFIGURATION_TEST, "late"],
  ),
  oneEdit(
    "life cycle: a late result counts for another",
    LIFE_CYCLE,
    [
      "current.state === name && current.offer.digest === digest",
      'current.state === name && digest !== ""',
    ],
    [FAILING_CONFIGURATION_TEST, "late"],
  ),
  oneEdit(
    "life cycle: the process may end for ever in probation",
    LIFE_CYCLE,
    ["    if (current.hasEnded) return", "    if (current.hasEnded && state.freeze) return"],
    [FAILING_CONFIGURATION_TEST, "U23"],
  ),
  oneEdit(
    "life cycle: three rollbacks are not safe mode",
    LIFE_CYCLE,
    ["const ROLLBACKS_MAX_COUNT = 3;", "const ROLLBACKS_MAX_COUNT = 4;"],
    [FAILING_CONFIGURATION_TEST, "three that were"],
  ),
  oneEdit(
    "life cycle: a commit does not end the row of rollbacks",
    LIFE_CYCLE,
    [
      "...{ rollbacksInARow: 0, crashedAtMs: undefined },\n    },",
      "...{ crashedAtMs: undefined },\n    },",
    ],
    [FAILING_CONFIGURATION_TEST, "ends the row"],
  ),
  oneEdit(
    "life cycle: crashes are not counted",
    LIFE_CYCLE,
    ["  return isSecond ? freeze", "  return isSecond && state.freeze ? freeze"],
    [FAILING_CONFIGURATION_TEST, "two crashes"],
  ),
  oneEdit(
    "life cycle: a new epoch keeps seqHigh",
    LIFE_CYCLE,
    ["{ ...state, epoch, seqHigh: 0 }", "{ ...state, epoch }"],
    [LIFE_CYCLE_TEST, "VC3"],
  ),
  oneEdit(
    "life cycle: an epoch that is not higher counts",
    LIFE_CYCLE,
    ["event.epoch > state.epoch ?", "event.epoch !== state.epoch ?"],
    [LIFE_CYCLE_TEST, "VC3"],
  ),
  oneEdit(
    "life cycle: what waits survives a new epoch",
    LIFE_CYCLE,
    ['    ? drop(raised, current, "EPOCH")', "    ? stay(raised)"],
    [LIFE_CYCLE_TEST, "VC3"],
  ),
  oneEdit(
    "life cycle: what waits survives a freeze",
    LIFE_CYCLE,
    ['    ? drop(frozen, current, "FROZEN")', "    ? stay(frozen)"],
    [FAILING_CONFIGURATION_TEST, "two crashes"],
  ),
  oneEdit(
    "life cycle: what is tried survives damage",
    LIFE_CYCLE,
    ['      ? rollBack(frozen, current, "frozen")', "      ? stay(frozen)"],
    [FAILING_CONFIGURATION_TEST, "damaged"],
  ),
  oneEdit(
    "life cycle: repair lowers seqHigh",
    LIFE_CYCLE,
    ["isBehind ? seen : state;", "isBehind || seen.epoch === state.epoch ? seen : state;"],
    [FAILING_CONFIGURATION_TEST, "repair"],
  ),
  oneEdit(
    "life cycle: repair needs nothing to repair",
    LIFE_CYCLE,
    [
      "state.freeze === undefined ? stay(state) : repair",
      "state.freeze === null ? stay(state) : repair",
    ],
    [FAILING_CONFIGURATION_TEST, "repair"],
  ),
  oneEdit(
    "life cycle: a rolled back document may run again",
    LIFE_CYCLE_STATE,
    [
      '  if (ended.state === "ROLLED_BACK") return "rolled-back";\n',
      '  if (ended.state === "ROLLED_BACK") return "preflight-refused";\n',
    ],
    [LIFE_CYCLE_TEST, "VC4"],
  ),
  oneEdit(
    "life cycle: a rejected document may run again",
    LIFE_CYCLE_STATE,
    ['ended.code === "PREFLIGHT" ||', 'ended.code !== "SUPERSEDED" ||'],
    [LIFE_CYCLE_TEST, "VC4"],
  ),
  oneEdit(
    "life cycle: what is applied is in effect only when committed",
    LIFE_CYCLE_STATE,
    [
      'current?.state === "PROBATION" ? current.offer : lastGood',
      "current === undefined ? lastGood : lastGood",
    ],
    [FAILING_CONFIGURATION_TEST, "U25"],
  ),
  oneEdit(
    "life cycle: a window over midnight does not open",
    CHANGE_WINDOWS,
    ["minuteOf(to) <= minuteOf(from) ? 1 : 0", "0"],
    [CHANGE_WINDOWS_TEST, "midnight"],
  ),
  oneEdit(
    "life cycle: a window that has begun yesterday is over",
    CHANGE_WINDOWS,
    ["let ahead = -1;", "let ahead = 0;"],
    [CHANGE_WINDOWS_TEST, "midnight"],
  ),
  oneEdit(
    "life cycle: windows that touch are two",
    CHANGE_WINDOWS,
    ["one.opensMs <= joined.endsMs", "one.opensMs < joined.endsMs"],
    [CHANGE_WINDOWS_TEST, "touch"],
  ),
  oneEdit(
    "life cycle: notBefore is not kept to",
    CHANGE_WINDOWS,
    ["const opensMs = Math.max(opening.opensMs, notBeforeMs);", "const opensMs = opening.opensMs;"],
    [CHANGE_WINDOWS_TEST, "VA5"],
  ),
  oneEdit(
    "life cycle: notAfter is not kept to",
    CHANGE_WINDOWS,
    ["  if (nowMs >= notAfterMs || opensMs >= endsMs)", "  if (opensMs >= opening.endsMs)"],
    [CHANGE_WINDOWS_TEST, "VA5"],
  ),
  oneEdit(
    "life cycle: a time that comes twice counts the last time",
    ZONED_TIME,
    [
      "before < after ? [before, after] : [after, before]",
      "before > after ? [before, after] : [after, before]",
    ],
    [CHANGE_WINDOWS_TEST, "put back"],
  ),
  oneEdit(
    "life cycle: zones are all UTC",
    ZONED_TIME,
    ["timeZone: name,", 'timeZone: name === "" ? name : "UTC",'],
    [CHANGE_WINDOWS_TEST, "its days"],
  ),
  oneEdit(
    "life cycle: errors count from one on",
    PROBATION,
    ["count >= ERRORS_MIN && ", ""],
    [PROBATION_TEST, "negative"],
  ),
  oneEdit(
    "life cycle: twice as many errors are too many",
    PROBATION,
    ["count > ERRORS_FACTOR * before", "count >= ERRORS_FACTOR * before"],
    [PROBATION_TEST, "negative"],
  ),
  oneEdit(
    "life cycle: all of the past is the baseline",
    PROBATION,
    ["byMinute.slice(-Math.max(1, minutes))", "byMinute.slice()"],
    [PROBATION_TEST, "negative"],
  ),
  oneEdit(
    "life cycle: a dead channel is healthy",
    PROBATION,
    ["    if (!works) faults.push", '    if (!works && channel === "") faults.push'],
    [PROBATION_TEST, "listener or folder"],
  ),
  oneEdit(
    "life cycle: a cut way is the fault of the configuration",
    PROBATION,
    [" && now.isWayOpen)", ")"],
    [PROBATION_TEST, "tunnel"],
  ),
  oneEdit(
    "life cycle: an outbox that grew before is new",
    PROBATION,
    [" && !isGrowing(before.outboxDepths)", ""],
    [PROBATION_TEST, "outbox"],
  ),
  oneEdit(
    "life cycle: errors of all are not summed up",
    PROBATION,
    ['  if (isWorse(all, allBefore)) yield { code: "errors" };\n', ""],
    [PROBATION_TEST, "count together"],
  ),
  oneEdit(
    "life cycle: base null counts after the first",
    CONFIG_RULES,
    ["const isFirst = effectiveEpoch !== configEpoch;", "const isFirst = base === null;"],
    [LIFE_CYCLE_TEST, "VC5"],
  ),
];
