/**
 * An outage drill: the tunnel is held down on purpose, for a while, and what piles up and leaves again is measured.
 *
 * It ends by itself, also if whoever began it has gone, if the store would not last or says nothing, or if the process
 * ends: no drill is gone on with after a start. At a stop the tunnel is let up before anything is asked or recorded. While
 * it lasts it is a condition that explains what is wrong because of it.
 *
 * @module
 */
import type { AuditDraft } from "./audit/entry.ts";
import {
  DRILL_DRAIN_LOOK_MS,
  DRILL_FAILED_LOOKS_COUNT,
  DRILL_GRACE_MS,
  DRILL_HELD_LOOK_MS,
  DRILL_LOOK_MAX_MS,
  DRILL_RATE_MARGIN,
} from "./drill-limits.ts";
import { type DrillRefusal, lookOf, receivedPerMs, troubleIn } from "./drill-look.ts";
import { AgentError, identifierFrom } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Clock, Timer } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { Tasks } from "./host/tasks.ts";
import { type DrillReport, type DrillSaid, reportOf } from "./outage-drill-report.ts";
import { type DrillEvent, type DrillLook, type DrillState, step } from "./outage-drill-state.ts";
import type { TrustStore } from "./outbox/trust/trust-store.ts";
import type { AgentStatus } from "./status.ts";

const VALUE = "note.drill";
const MINUTE_MS = 60_000;

export interface OutageDrillParts {
  readonly trust: Pick<TrustStore, "load" | "note">;
  readonly tunnel: { holdDown(): void; letUp(): void };
  readonly status: () => Promise<AgentStatus>;
  /** By channel: messages of the hours since then that the receiver refused for good, or that were damaged here. */
  readonly aside: (sinceMs: number) => Promise<ReadonlyMap<string, number>>;
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
  readonly tasks: Tasks;
  /** Of what nobody asked for at that moment: an end by itself. */
  readonly note: (draft: AuditDraft) => void;
}

export class OutageDrill implements Disposable {
  readonly #parts: OutageDrillParts;
  #state: DrillState = { at: "none" };
  #said: DrillSaid = { reason: "", by: "" };
  #asideBefore: ReadonlyMap<string, number> = new Map();
  #aside: ReadonlyMap<string, number> = new Map();
  #timer: Timer | undefined;
  #limit: Timer | undefined;
  /** Before the state says so: it waits for a look. */
  #isLetUp = false;
  /** Looks in a row that the store did not answer. */
  #failedCount = 0;
  /** Looks that were given up, and are not answered yet. */
  #hungCount = 0;
  #isClosed = false;

  private constructor(parts: OutageDrillParts) {
    this.#parts = parts;
  }

  /** One that was under way when the process ended is over: the tunnel is dialled already. @throws {AgentError} `STORE_*` */
  static async open(parts: OutageDrillParts): Promise<OutageDrill> {
    const kept = (await parts.trust.load()).values.get(VALUE);
    if (kept !== undefined && kept.length > 0) {
      parts.note({ ...SYSTEM, decision: "interrupted", reason: "restart" });
      await parts.trust.note({ values: new Map([[VALUE, new Uint8Array()]]) });
    }
    return new OutageDrill(parts);
  }

  /** Of the one under way, or of the latest since the start; `undefined`: there was none. */
  get report(): DrillReport | undefined {
    const state = this.#state;
    return state.at === "none" ? undefined : reportOf(state, this.#said, this.#aside);
  }

  /** Begins one. @throws {AgentError} `DRILL_REFUSED` with the fact `why`; `STORE_*` */
  async start(minutes: number, said: DrillSaid): Promise<DrillReport | undefined> {
    const { status, clock, trust, log } = this.#parts;
    const before = await status();
    const look = lookOf(before, clock);
    this.#refuse(before, look, minutes);
    this.#asideBefore = await this.#parts.aside(look.nowMs);
    await trust.note({ values: new Map([[VALUE, Buffer.from("1")]]) });
    // Two that begin at the same moment: the later one finds the first.
    this.#refuse(before, look, minutes);
    this.#said = said;
    this.#aside = new Map();
    this.#isLetUp = false;
    this.#failedCount = 0;
    this.#limit = clock.after(minutes * MINUTE_MS + DRILL_GRACE_MS, () => this.#timeIsOver());
    this.#apply({ on: "begun", minutes, look });
    log.write("drillBegun", { minutes });
    return this.report;
  }

  /** Lets the tunnel up now, whatever the store does; asked again, it waits no longer for what has not left. */
  async stop(): Promise<DrillReport | undefined> {
    if (this.#state.at === "held") this.#letTunnelUp();
    await this.#look("stop");
    return this.report;
  }

  /** The tunnel stays as it is: the process ends, and the next one says so. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    this.#limit?.[Symbol.dispose]();
  }

  #refuse(status: AgentStatus, look: DrillLook, minutes: number): void {
    const refused = (why: DrillRefusal, facts: AgentError["facts"] = {}): never => {
      throw new AgentError("DRILL_REFUSED", { why: identifierFrom(why), ...facts });
    };
    if (this.#isUnderWay) refused("running");
    if (!look.isUp) refused("notStreaming");
    if (look.forbids === "configuration") refused("configuration");
    const trouble = troubleIn(status);
    if (trouble !== undefined) refused("alarm", { code: identifierFrom(trouble) });
    const perMs = receivedPerMs(status, look.nowMs);
    const neededBytes = Math.ceil(perMs * minutes * MINUTE_MS * DRILL_RATE_MARGIN);
    const { roomBytes } = look;
    if (neededBytes > roomBytes) refused("room", { neededBytes, roomBytes });
  }

  get #isUnderWay(): boolean {
    return this.#state.at === "held" || this.#state.at === "draining";
  }

  async #look(on: "looked" | "stop"): Promise<void> {
    const state = this.#state;
    if (state.at === "none" || this.#isClosed) return;
    const found = await this.#found(state.began.nowMs);
    // What a person has ended meanwhile ends with the look of that.
    const isOvertaken = on === "looked" && this.#isLetUp && this.#state.at === "held";
    if (this.#isClosed || isOvertaken) return;
    this.#failedCount = found === undefined ? this.#failedCount + 1 : 0;
    this.#apply({ on, look: found ?? this.#lookWithoutStore() });
  }

  /** No look came so far: the tunnel must not wait for one. */
  #timeIsOver(): void {
    if (this.#state.at !== "held" || this.#isLetUp) return;
    this.#apply({ on: "looked", look: this.#lookWithoutStore() });
  }

  /** As it was last seen: time goes on all the same. */
  #lookWithoutStore(): DrillLook {
    const { clock } = this.#parts;
    const state = this.#state;
    if (state.at === "none") throw new TypeError("Cannot look at a drill that is none");
    const forbids = this.#failedCount >= DRILL_FAILED_LOOKS_COUNT ? "trouble" : undefined;
    const now = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    return { ...state.last, ...now, isUp: false, forbids };
  }

  /** `undefined`: the store failed, or has not answered in time; it is not asked again before it has. */
  async #found(sinceMs: number): Promise<DrillLook | undefined> {
    if (this.#hungCount > 0) return undefined;
    let isGivenUp = false;
    const asked = this.#ask(sinceMs).finally(() => {
      if (isGivenUp) this.#hungCount -= 1;
    });
    const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>();
    using _ = this.#parts.clock.after(DRILL_LOOK_MAX_MS, () => {
      isGivenUp = true;
      this.#hungCount += 1;
      giveUp(undefined);
    });
    return await Promise.race([asked, late]);
  }

  async #ask(sinceMs: number): Promise<DrillLook | undefined> {
    const { clock, status, aside, tasks } = this.#parts;
    try {
      const look = lookOf(await status(), clock);
      this.#aside = grown(this.#asideBefore, await aside(sinceMs));
      return look;
    } catch (error) {
      // A defect is told, and keeps no tunnel down.
      if (!(error instanceof AgentError)) tasks.run("drill", () => Promise.reject(error));
      return undefined;
    }
  }

  #apply(event: DrillEvent): void {
    const { state, effects } = step(this.#state, event);
    this.#state = state;
    for (const effect of effects) {
      if (effect === "holdDown") this.#parts.tunnel.holdDown();
      else if (effect === "letUp") this.#letUp();
      else this.#ended();
    }
    this.#announce();
    this.#arm();
  }

  #announce(): void {
    const { conditions } = this.#parts;
    const state = this.#state;
    if (state.at !== "held" || this.#isLetUp) {
      conditions.close("outageDrill", "");
      return;
    }
    const leftMs = state.minutes * MINUTE_MS - (state.last.monotonicMs - state.began.monotonicMs);
    const minutes = Math.max(0, Math.ceil(leftMs / MINUTE_MS));
    conditions.open("outageDrill", "", { minutes }, state.began.nowMs);
  }

  #arm(): void {
    const { clock, tasks } = this.#parts;
    this.#timer?.[Symbol.dispose]();
    if (this.#isClosed || !this.#isUnderWay) return;
    const delayMs = this.#state.at === "held" ? DRILL_HELD_LOOK_MS : DRILL_DRAIN_LOOK_MS;
    this.#timer = clock.after(delayMs, () => tasks.run("drill", () => this.#look("looked")));
  }

  #letTunnelUp(): void {
    if (this.#isLetUp) return;
    this.#isLetUp = true;
    this.#limit?.[Symbol.dispose]();
    this.#parts.tunnel.letUp();
    this.#announce();
  }

  #letUp(): void {
    const { note, log } = this.#parts;
    this.#letTunnelUp();
    const { releasedBecause = "time", backlog = 0 } = this.report ?? {};
    log.write("drillReleased", { state: identifierFrom(releasedBecause), count: backlog });
    note({ ...SYSTEM, action: "drill.released", decision: releasedBecause });
  }

  #ended(): void {
    const { note, log, trust, tasks } = this.#parts;
    const report = this.report;
    if (report === undefined) return;
    const { outcome, accepted, drainSeconds = 0 } = report;
    const durationMs = drainSeconds * 1_000;
    log.write("drillEnded", { state: identifierFrom(outcome), count: accepted, durationMs });
    note({ ...SYSTEM, decision: outcome, reason: `${accepted} accepted` });
    tasks.run("drill.note", () => trust.note({ values: new Map([[VALUE, new Uint8Array()]]) }));
  }
}

const SYSTEM = { actor: { kind: "system", id: "drill" }, action: "drill.ended" } as const;

function grown(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return new Map([...now].map(([name, count]) => [name, count - (before.get(name) ?? 0)]));
}
