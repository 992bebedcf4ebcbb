/**
 * When an alarm opens and closes: one pure step over what is ill and the time (08 PL9).
 *
 * ```
 *             ill                 for visibleAfterMs
 *   (absent) ─────────► waiting ─────────────────────► open ⟲ ill again: no second opening
 *       ▲                 ▲ │ a cause is ill             │
 *       │                 │ ▼                            │
 *       │                 held                           │
 *       └─── well ────────┴──────── well for closesAfterMs
 * ```
 *
 * What is held is listed under its cause, and begins to wait anew when the cause is gone: after an outage a backlog
 * needs a while. A maintenance window is such a cause for what it mutes. What is open stays open whatever explains it
 * later: it was announced.
 *
 * @module
 */
import type { Facts } from "../errors.ts";
import { CONDITIONS, type ConditionName } from "./catalogue.ts";
import type { OpenCondition } from "./conditions.ts";

/** Facts as they are kept and sent: what JSON can say. Never content of a message. */
export type PlainFacts = Readonly<Record<string, number | boolean | string>>;

/** Times are ms since 1970. */
export interface Alarm {
  /** Never used again for another one. */
  readonly id: string;
  readonly code: ConditionName;
  /** What it is about: a channel's name, or empty. */
  readonly subject: string;
  /** Since when it is ill, which is before it opened. */
  readonly sinceMs: number;
  readonly facts: PlainFacts;
}

export interface AlarmEvent {
  readonly event: "opened" | "closed";
  readonly atMs: number;
  readonly alarm: Alarm;
}

/** Times are monotonic. */
export type Tracked =
  | { readonly at: "waiting"; readonly fromMs: number }
  | { readonly at: "held"; readonly cause: string; readonly condition: OpenCondition }
  | {
      readonly at: "open";
      readonly alarm: Alarm;
      /** Absent: it is ill. */
      readonly wellFromMs?: number;
      /** It was open before this process began, and nobody has called it ill since. */
      readonly isCarried?: boolean;
    };
/** By {@link keyOf}. */
export type AlarmState = ReadonlyMap<string, Tracked>;

export interface AlarmInput {
  readonly ill: readonly OpenCondition[];
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export interface AlarmStep {
  readonly state: AlarmState;
  readonly events: readonly AlarmEvent[];
  /** When, by the monotonic clock, a step is due even if nothing changes. */
  readonly dueMs: number | undefined;
}

/**
 * After a start, parts need a while to find again what is wrong: so long an alarm of before is not taken for well.
 */
export const CARRIED_HOLD_MS = 300_000;

export const keyOf = (code: string, subject: string): string => `${code} ${subject}`;

export function step(before: AlarmState, input: AlarmInput): AlarmStep {
  const { ill, nowMs, monotonicMs } = input;
  const state = new Map<string, Tracked>();
  const events: AlarmEvent[] = [];
  const causes = causesIn(before, ill);
  for (const condition of ill) {
    const key = keyOf(condition.condition, condition.subject);
    const next = illStep(before.get(key), condition, { causes, monotonicMs });
    state.set(key, next);
    if (next.at === "open" && before.get(key)?.at !== "open") {
      events.push({ event: "opened", atMs: nowMs, alarm: next.alarm });
    }
  }
  for (const [key, tracked] of before) {
    if (state.has(key) || tracked.at !== "open") continue;
    const wellFromMs = tracked.wellFromMs ?? monotonicMs;
    if (monotonicMs - wellFromMs >= holdOf(tracked)) {
      events.push({ event: "closed", atMs: nowMs, alarm: tracked.alarm });
    } else state.set(key, { ...tracked, wellFromMs });
  }
  return { state, events, dueMs: dueOf(state, ill) };
}

/** Alarms that were open when a process before this one ended. */
export function carried(alarms: readonly Alarm[], monotonicMs: number): AlarmState {
  return new Map(
    alarms.map((alarm) => [
      keyOf(alarm.code, alarm.subject),
      { at: "open", alarm, wellFromMs: monotonicMs, isCarried: true },
    ]),
  );
}

/** Everything that explains others: what is ill, and what was just now and may be again. */
function causesIn(before: AlarmState, ill: readonly OpenCondition[]): ReadonlySet<string> {
  const open = [...before].filter(([, { at }]) => at === "open").map(([key]) => key);
  return new Set([...ill.map(({ condition, subject }) => keyOf(condition, subject)), ...open]);
}

function illStep(
  tracked: Tracked | undefined,
  condition: OpenCondition,
  { causes, monotonicMs }: { causes: ReadonlySet<string>; monotonicMs: number },
): Tracked {
  if (tracked?.at === "open") {
    return { at: "open", alarm: { ...tracked.alarm, facts: plainFacts(condition.facts) } };
  }
  const cause = causeOf(condition, causes);
  if (cause !== undefined) return { at: "held", cause, condition };
  const fromMs = tracked?.at === "waiting" ? tracked.fromMs : monotonicMs;
  const { visibleAfterMs } = CONDITIONS[condition.condition];
  if (monotonicMs - fromMs < visibleAfterMs) return { at: "waiting", fromMs };
  return { at: "open", alarm: alarmOf(condition) };
}

/** Of the whole agent, or of the same channel. */
function causeOf(
  { condition, subject }: OpenCondition,
  causes: ReadonlySet<string>,
): string | undefined {
  const { dependsOn, inMaintenance } = CONDITIONS[condition];
  const codes = inMaintenance ? [...dependsOn, "maintenanceActive"] : dependsOn;
  return codes
    .flatMap((code) => [keyOf(code, ""), keyOf(code, subject)])
    .find((key) => causes.has(key));
}

function alarmOf({ condition: code, subject, sinceMs, facts }: OpenCondition): Alarm {
  const id = `${code}/${subject}/${sinceMs}`;
  return { id, code, subject, sinceMs, facts: plainFacts(facts) };
}

function holdOf({ alarm, isCarried }: Extract<Tracked, { at: "open" }>): number {
  const { closesAfterMs } = CONDITIONS[alarm.code];
  return isCarried === true ? Math.max(closesAfterMs, CARRIED_HOLD_MS) : closesAfterMs;
}

function dueOf(state: AlarmState, ill: readonly OpenCondition[]): number | undefined {
  const codes = new Map(
    ill.map(({ condition, subject }) => [keyOf(condition, subject), condition]),
  );
  let due = Number.POSITIVE_INFINITY;
  for (const [key, tracked] of state) {
    const code = codes.get(key);
    if (tracked.at === "waiting" && code !== undefined) {
      due = Math.min(due, tracked.fromMs + CONDITIONS[code].visibleAfterMs);
    } else if (tracked.at === "open" && tracked.wellFromMs !== undefined) {
      due = Math.min(due, tracked.wellFromMs + holdOf(tracked));
    }
  }
  return due === Number.POSITIVE_INFINITY ? undefined : due;
}

const plainFacts = (facts: Facts): PlainFacts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );

/** An alarm that is open, with all that is wrong because of it. */
export interface OpenAlarm extends Alarm {
  readonly suppressed: readonly {
    readonly code: ConditionName;
    readonly subject: string;
    readonly sinceMs: number;
  }[];
}

/** What a person should look at, in the order in which it opened; what is held stands under what explains it. */
export function openAlarms(state: AlarmState): readonly OpenAlarm[] {
  const under = new Map<string, OpenCondition[]>();
  for (const tracked of state.values()) {
    if (tracked.at !== "held") continue;
    const root = rootOf(tracked.cause, state);
    under.set(root, [...(under.get(root) ?? []), tracked.condition]);
  }
  return [...state].flatMap(([key, tracked]) =>
    tracked.at === "open" ? [{ ...tracked.alarm, suppressed: listed(under.get(key)) }] : [],
  );
}

const listed = (conditions: readonly OpenCondition[] = []): OpenAlarm["suppressed"] =>
  conditions.map(({ condition, subject, sinceMs }) => ({ code: condition, subject, sinceMs }));

/** Causes are no circle: the catalogue's test says so. */
function rootOf(key: string, state: AlarmState): string {
  const tracked = state.get(key);
  return tracked?.at === "held" ? rootOf(tracked.cause, state) : key;
}
