/**
 * An agent's identity as it is kept while the agent runs, against a small receiver, under a clock that a test holds. The
 * tunnel is played: what it would show and hear is called by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Conditions } from "#agent/health/conditions.ts";
import { systemClock } from "#agent/host/clock.ts";
import type { Log } from "#agent/host/log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { askOn } from "#agent/identity/doors.ts";
import { enroll } from "#agent/identity/enrolment.ts";
import { IdentityKeeper } from "#agent/identity/keeper.ts";
import type { IdentityStore } from "#certs/slots.ts";
import { parseToken } from "#certs/token.ts";
import { ManualClock } from "./clocks.ts";
import { DoorReceiver, type Issue } from "./door-receiver.ts";
import { StateFolder } from "./identity-folder.ts";
import { until } from "./processes.ts";
import { ANCHOR } from "./signed-documents.ts";

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;

/** Network steps take real time; whatever is waited for passes by `advance`. */
class TestClock extends ManualClock {
  /** A clock that somebody set wrong. */
  wrongMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.wrongMs;
  }
}

export class KeptIdentity implements AsyncDisposable {
  readonly doors: DoorReceiver;
  readonly state: StateFolder;
  readonly clock: TestClock;
  readonly conditions = new Conditions();
  readonly logged: string[] = [];
  readonly faults: unknown[] = [];
  readonly store: IdentityStore;
  /** In [0, 1): every chance that is taken. */
  chance = 0;
  /** How far the receiver's clock is ahead of the true one. */
  aheadMs = 0;
  reconnects = 0;
  keeper: IdentityKeeper;
  #tasks: Tasks;

  private constructor(doors: DoorReceiver, state: StateFolder) {
    this.doors = doors;
    this.state = state;
    this.clock = new TestClock(Date.now());
    doors.nowMs = () => this.clock.monotonicMs() + this.aheadMs;
    this.store = state.store();
    this.#tasks = this.#newTasks();
    this.keeper = this.#newKeeper();
  }

  /** Enrolled, and in use. */
  static async open(issue: Issue = {}): Promise<KeptIdentity> {
    const doors = await DoorReceiver.open();
    const state = new StateFolder();
    doors.issue = issue;
    const token = parseToken(doors.token());
    assert.ok(token.kind === "token");
    const { signal } = new AbortController();
    const way = { receiverUrl: doors.url, proxy: undefined, clock: systemClock, signal };
    const store = state.store();
    await enroll({
      token: token.token,
      way,
      store,
      anchor: ANCHOR,
      hospitalKeys: [],
      onStep: () => {},
    });
    const slot = store.adopt();
    assert.ok(slot !== undefined);
    store.promote(slot.name, Date.now());
    doors.issue = {};
    doors.requests.length = 0;
    const kept = new KeptIdentity(doors, state);
    kept.#begin();
    return kept;
  }

  /** The process ends, whatever is under way, and another one starts. */
  restart(): void {
    this.keeper[Symbol.dispose]();
    this.reconnects = 0;
    this.#tasks = this.#newTasks();
    this.keeper = this.#newKeeper();
    this.#begin();
  }

  get shown(): string {
    return this.keeper.identity().serialHex;
  }

  /** The tunnel dials with what is shown, and the receiver says who is welcome. @returns the reason of a refusal */
  dial(): string {
    const identity = this.keeper.identity();
    const known = this.doors.agents.get("ward-1");
    const nowMs = this.doors.nowMs();
    const reason =
      this.doors.refusals.shift() ?? this.#judge(identity.serialHex, identity.notAfterMs, nowMs);
    if (reason !== "") {
      this.keeper.refused(identity, reason as "CERT_SUPERSEDED", nowMs);
      return reason;
    }
    if (known?.next === identity.serialHex) {
      known.current = identity.serialHex;
      known.next = undefined;
    }
    this.keeper.welcomed(identity, nowMs);
    return "";
  }

  /** Waits until what is under way has come to its end. */
  async settled(): Promise<void> {
    await until("no renewal is under way", () => this.#tasks.names().length === 0);
    assert.deepEqual(this.faults, []);
  }

  isOpen(condition: string): boolean {
    return this.conditions.list().some((one) => one.condition === condition);
  }

  codeOf(condition: string): unknown {
    return this.conditions.list().find((one) => one.condition === condition)?.facts["code"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keeper[Symbol.dispose]();
    await this.#tasks[Symbol.asyncDispose]();
    await this.doors[Symbol.asyncDispose]();
    this.state[Symbol.dispose]();
  }

  /** G4, G6. */
  #judge(serial: string, notAfterMs: number, nowMs: number): string {
    const known = this.doors.agents.get("ward-1");
    if (nowMs > notAfterMs) return "CERT_HAS_EXPIRED";
    return known?.current === serial || known?.next === serial ? "" : "CERT_SUPERSEDED";
  }

  #begin(): void {
    this.keeper.begin(() => {
      this.reconnects += 1;
    });
  }

  #newTasks(): Tasks {
    return new Tasks((_name, error) => this.faults.push(error));
  }

  #newKeeper(): IdentityKeeper {
    const log: Log = {
      write: (event) => void this.logged.push(event),
      fault: (event, { code }) => void this.logged.push(`${event} ${code}`),
    };
    const { signal } = new AbortController();
    const way = { receiverUrl: this.doors.url, proxy: undefined, clock: systemClock, signal };
    return new IdentityKeeper({
      ...{ store: this.store, ask: askOn(way), clock: this.clock, log },
      chance: {
        unit: () => this.chance,
        bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
      },
      ...{ conditions: this.conditions, tasks: this.#tasks },
    });
  }
}
