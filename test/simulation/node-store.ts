/**
 * The store as one receiver node sees it: calls leave, are carried out by the real steps on the database that
 * all nodes share, and are answered, each a little later than the one before.
 *
 * What has left is carried out even if the node is stopped or dead by then; what has not waits in it, or
 * never is. A call may be answered BUSY, also after it was carried out, as by a database whose answer was lost.
 *
 * @module
 */
import type { OutgoingStore } from "#receiver/store/outgoing.ts";
import { BodyCheck, type Checked } from "#receiver/store/sqlite/body-check.ts";
import type { OperationName, Operations, Request } from "#receiver/store/sqlite/calls.ts";
import { commit } from "#receiver/store/sqlite/commit.ts";
import { packItems } from "#receiver/store/sqlite/packed-items.ts";
import { isSweepDue, sweep } from "#receiver/store/sqlite/partial-step.ts";
import type { Store } from "#receiver/store/store.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

export type Answer = Operations[OperationName]["answer"];

interface Call {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
}

const BUSY = { kind: "busy" } as const;

export class NodeStore {
  readonly storeId: Uint8Array;
  readonly #world: World;
  readonly #life: Life;
  /** What was asked in this turn. */
  #collected: Call[] = [];
  #turnMs = -1;
  /** Calls into a database that was put back since are gone with it. */
  readonly #history: number;
  #executesMs = 0;
  #answersMs = 0;
  #isHolding = false;
  #ticket = 0;

  constructor(world: World, life: Life) {
    this.storeId = world.database.storeId;
    this.#world = world;
    this.#life = life;
    this.#history = world.history;
  }

  /** What a connection asks of a store, and no more. */
  get face(): Store & OutgoingStore {
    return this as unknown as Store & OutgoingStore;
  }

  hello: Store["hello"] = (call) => this.#ask("hello", call);
  open: Store["open"] = (call) => this.#ask("open", call);
  skip: Store["skip"] = (call) => this.#ask("skip", call);
  savePartial: Store["savePartial"] = (call) =>
    this.#ask("savePartial", { ...call, bytes: new Uint8Array(call.bytes) });
  ingest: Store["ingest"] = ({ items, ...call }) =>
    this.#ask("ingest", { ...call, packed: packItems(items) });
  /** Nothing goes to hospital systems here. */
  outgoingChannels: OutgoingStore["outgoingChannels"] = () => Promise.resolve([]);
  openCommands: OutgoingStore["openCommands"] = () => Promise.resolve([]);

  #ask<Name extends OperationName>(
    name: Name,
    ask: Operations[Name]["ask"],
  ): Promise<Operations[Name]["answer"]> {
    return new Promise((resolve) => {
      this.#ticket += 1;
      const request = { ticket: this.#ticket, name, ask } as Request;
      const { nowMs } = this.#world.scheduler;
      if (this.#turnMs !== nowMs) {
        this.#turnMs = nowMs;
        this.#collected = [];
        this.#fly(this.#collected);
      }
      this.#collected.push({ request, resolve: resolve as Call["resolve"] });
    });
  }

  #fly(calls: readonly Call[]): void {
    const { scheduler, chance, faults } = this.#world;
    const delayMs = chance.between(0.01, chance.happens(0.1) ? faults.slowStoreMs : 3);
    this.#executesMs = Math.max(this.#executesMs, scheduler.nowMs + delayMs);
    scheduler.after(this.#executesMs - scheduler.nowMs, undefined, "execute", () =>
      this.#arrive(calls),
    );
  }

  #arrive(calls: readonly Call[]): void {
    const { chance, history } = this.#world;
    if (history !== this.#history) return;
    const { isAlive, stalled } = this.#life;
    if (!isAlive && chance.happens(0.5)) return;
    if (stalled !== undefined && (this.#isHolding || chance.happens(0.5))) {
      // It had not left: the node sends it when it goes on.
      this.#isHolding = true;
      stalled.push(() => this.#fly(calls));
      return;
    }
    this.#isHolding = false;
    this.#execute(calls);
  }

  #execute(calls: readonly Call[]): void {
    const { chance, faults, database } = this.#world;
    const answers = new Map<number, Answer>();
    const taken: Call[] = [];
    const lost = new Set<number>();
    for (const call of calls) {
      const { ticket } = call.request;
      const isBusy = faults.isStoreAway || chance.happens(faults.busy);
      if (isBusy && chance.happens(0.3)) lost.add(ticket);
      if (isBusy && !lost.has(ticket)) answers.set(ticket, BUSY);
      else taken.push(call);
    }
    const bodies = new BodyCheck(database.sql);
    const now: Checked[] = bodies
      .keepBack(taken.map(({ request }) => request))
      .map((request) => ({ request, checked: undefined }));
    // Whoever does not know what became of a commit makes the same call again.
    const times = chance.happens(faults.twice) ? 2 : 1;
    for (let time = 0; time < times; time++) this.#commit(now, answers);
    this.#answer(calls, answers, lost);
    if (bodies.isPending) this.#checkLater(bodies, calls);
  }

  /** Reads large bodies in steps, between which others are served. */
  #checkLater(bodies: BodyCheck, calls: readonly Call[]): void {
    const { scheduler, chance } = this.#world;
    scheduler.after(chance.between(0, 20), undefined, "check", () => {
      if (this.#world.history !== this.#history) return;
      const answers = new Map<number, Answer>();
      const ready = bodies.step();
      if (ready !== undefined) this.#commit([ready], answers);
      this.#answer(calls, answers, new Set());
      if (bodies.isPending) this.#checkLater(bodies, calls);
    });
  }

  #commit(batch: readonly Checked[], answers: Map<number, Answer>): void {
    const { sql, storeId } = this.#world.database;
    for (const [at, { ticket, answer }] of commit(sql, storeId, batch).entries()) {
      answers.set(ticket, answer);
      const request = batch[at]?.request;
      if (request !== undefined) this.#world.judge.answered(request, answer);
    }
    if (!isSweepDue(sql)) return;
    sql.begin.run();
    sweep(sql);
    sql.commit.run();
  }

  #answer(
    calls: readonly Call[],
    answers: ReadonlyMap<number, Answer>,
    lost: ReadonlySet<number>,
  ): void {
    if (answers.size === 0) return;
    const { scheduler, chance } = this.#world;
    this.#answersMs = Math.max(this.#answersMs, scheduler.nowMs + chance.between(0, 4));
    scheduler.after(this.#answersMs - scheduler.nowMs, this.#life, "answer", () => {
      for (const { request, resolve } of calls) {
        const answer = answers.get(request.ticket);
        if (answer !== undefined) resolve(lost.has(request.ticket) ? BUSY : answer);
      }
    });
  }
}
