/**
 * One schedule: a seed decides what is appended, what goes wrong, when, and in which order everything
 * happens; then nothing goes wrong any more, everything drains, and the oracles judge (06 TP41, 10 T-P05).
 *
 * @module
 */
import { calm } from "./faults.ts";
import type { ReceiverDatabase } from "./receiver-database.ts";
import { SimAgent } from "./sim-agent.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  /** Of the trace: the same seed has the same. */
  readonly digest: string;
  readonly violations: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  readonly messageCount: number;
  readonly eventCount: number;
  /** Only if it was asked for. */
  readonly lines: readonly string[];
}

/** Mostly short: each second of an idle connection is a heartbeat at either end. */
const SPANS_MS = [1_000, 10_000, 10_000, 10_000, 60_000, 60_000, 200_000];
const LARGE_BYTES = 1_048_576;
const DAY_MS = 86_400_000;
/** What a fenced, an unserved and a parted channel wait for may add up. */
const DRAIN_MAX_MS = 4 * 3_600_000;
/** A dead path is noticed after three heartbeats, and dialled again within a minute. */
const REPLAY_MS = 300_000;
/** Late calls of a node that was stopped come in this time. */
const REST_MS = 3_000;

/** @param isTraced keeps every line of what happened */
export async function runSchedule(
  seed: number,
  database: ReceiverDatabase,
  isTraced = false,
): Promise<Outcome> {
  const world = new World(seed, database, isTraced);
  const { judge, scheduler } = world;
  const defect = (error: unknown): void =>
    judge.violate(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on("unhandledRejection", defect);
  try {
    const plan = new Plan(world);
    await scheduler.run(() => judge.violations.length > 0, plan.spanMs);
    if (judge.violations.length === 0) await plan.drain();
    if (judge.violations.length === 0) judge.end(plan.wasPutBack);
  } catch (error) {
    defect(error);
  } finally {
    process.off("unhandledRejection", defect);
  }
  return {
    ...{ seed, digest: world.trace.digest, violations: judge.violations, counts: world.counts },
    ...{ messageCount: world.ledger.count, eventCount: scheduler.eventCount },
    lines: world.trace.lines,
  };
}

class Plan {
  readonly spanMs: number;
  wasPutBack = false;
  readonly #world: World;
  #isStarting = false;
  #appendsLeft = 0;

  constructor(world: World) {
    const { chance } = world;
    this.#world = world;
    this.spanMs = chance.pick(SPANS_MS);
    this.#appends();
    this.#agentFaults();
    this.#nodeFaults();
  }

  /** Nothing goes wrong any more: everything that is owed arrives. */
  async drain(): Promise<void> {
    const { faults, chance, scheduler, nodes, database, judge } = this.#world;
    scheduler.nowMs = this.spanMs;
    calm(faults);
    for (const node of nodes) {
      scheduler.after(chance.between(0, 10_000), undefined, "goes on", () => node.resume());
    }
    // A person looks: at channels that are held, at an agent that was locked.
    let refused = 0;
    const look = (): void => {
      if (database.isLocked()) database.sql.unlockAgent.run("sim", "agent");
      const nowRefused = this.#world.counts.get("refused for good") ?? 0;
      if (nowRefused > refused) this.#restartAgent(chance.between(0, 5_000));
      refused = nowRefused;
      scheduler.after(60_000, undefined, "look", look);
    };
    look();
    const until = scheduler.nowMs + DRAIN_MAX_MS;
    // An agent that has settled everything does not know yet that it is gone at the receiver.
    const leastMs = scheduler.nowMs + (this.#world.history > 0 ? REPLAY_MS : 10_000);
    const isSettled = (): boolean =>
      judge.violations.length > 0 ||
      (scheduler.nowMs > leastMs &&
        this.#appendsLeft === 0 &&
        this.#world.agent.life.isAlive &&
        !this.#world.agent.outbox.isWriting &&
        this.#world.tables.isSettled);
    const isDrained = await scheduler.run(isSettled, until);
    if (!isDrained) {
      const { state } = this.#world.agent.tunnel;
      const open = this.#world.agent.conditions.list().map(({ condition }) => condition);
      judge.violate(`does not drain: tunnel ${state.at}, ${open.join(" ")}`);
      return;
    }
    const restMs = scheduler.nowMs + REST_MS;
    await scheduler.run(() => scheduler.nowMs > restMs || judge.violations.length > 0, restMs);
  }

  #at(name: string, act: () => void): void {
    const { scheduler, chance } = this.#world;
    scheduler.after(chance.between(0, this.spanMs), undefined, name, act);
  }

  #appends(): void {
    const { chance, tables, ledger } = this.#world;
    const hasLarge = chance.happens(0.01);
    const hasMedium = chance.happens(0.15);
    const commits = 2 + chance.below(chance.pick([5, 10]));
    for (let at = 0; at < commits; at++) {
      const channel = 1 + chance.below(tables.channels.length);
      const bytes = Array.from({ length: 1 + chance.below(4) }, () => {
        if (hasMedium && chance.happens(0.2)) return 20_000 + chance.below(100_000);
        return 8 + chance.below(300);
      });
      if (hasLarge && at === 1) bytes.push(LARGE_BYTES + 1 + chance.below(100_000));
      const append = (): void => {
        const { agent, scheduler } = this.#world;
        if (!agent.life.isAlive) {
          scheduler.after(1_000, undefined, "append later", append);
          return;
        }
        this.#appendsLeft -= 1;
        agent.outbox.append(
          channel,
          bytes.map((size) => ledger.add(channel, size)),
        );
      };
      this.#appendsLeft += 1;
      this.#at("append", append);
    }
  }

  #agentFaults(): void {
    const { chance, agentWall, tables } = this.#world;
    const crashes = chance.happens(0.4) ? 1 + chance.below(2) : 0;
    for (let at = 0; at < crashes; at++)
      this.#at("agent dies", () => this.#restartAgent(chance.between(0, 20_000)));
    if (chance.happens(0.25)) this.#putBack();
    else if (chance.happens(0.12)) this.#putReceiverBack();
    if (chance.happens(0.3)) {
      this.#at("clock steps", () => {
        agentWall.offsetMs += chance.pick([-3_650, -1, -0.01, 1, 365]) * DAY_MS;
      });
    }
    const prunes = chance.happens(0.4) ? 2 : 0;
    for (let at = 0; at < prunes; at++) {
      this.#at("prune", () => {
        const { agent } = this.#world;
        const channel = 1 + chance.below(tables.channels.length);
        if (agent.life.isAlive) agent.outbox.prune(channel, chance.unit());
      });
    }
  }

  #nodeFaults(): void {
    const { chance, nodes, faults, scheduler } = this.#world;
    for (const node of nodes) {
      if (chance.happens(0.25)) this.#at("node dies", () => node.crash());
      if (chance.happens(0.35)) {
        this.#at("node stops", () => {
          node.pause();
          const forMs = chance.between(0, chance.pick([2_000, 100_000]));
          scheduler.after(forMs, undefined, "node goes on", () => node.resume());
        });
      }
      if (chance.happens(0.15)) {
        this.#at("node's clock steps", () => {
          node.wall.offsetMs += chance.pick([-3_650, -1, 0.01, 365]) * DAY_MS;
        });
      }
    }
    if (chance.happens(0.1)) {
      this.#at("store goes", () => {
        faults.isStoreAway = true;
        scheduler.after(chance.between(0, 60_000), undefined, "store comes", () => {
          faults.isStoreAway = false;
        });
      });
    }
    if (chance.happens(0.05)) {
      this.#at("limit falls", () => {
        faults.messageLimitBytes = 100;
      });
    }
  }

  /** The agent's store is put back to a copy of an earlier moment, with or without anybody's knowing. */
  #putBack(): void {
    const { chance, scheduler } = this.#world;
    this.#at("copy", () => {
      const copy = this.#world.tables.copy();
      const isMarked = chance.happens(0.5);
      const isRestored = chance.happens(0.4);
      scheduler.after(chance.between(0, this.spanMs / 2), undefined, "put back", () => {
        if (scheduler.nowMs > this.spanMs) return;
        this.wasPutBack = true;
        this.#world.count("put back");
        const { mark } = this.#world.tables;
        this.#restartAgent(chance.between(0, 20_000), () => {
          this.#world.tables = copy;
          const kept = copy.channels.flatMap(({ epochs }) =>
            epochs.flatMap(({ rows }) => rows.map(({ number }) => number)),
          );
          this.#world.ledger.putBack(new Set(kept));
          copy.beginDueEpochs(isMarked ? mark : undefined, isRestored);
        });
      });
    });
  }

  /** All nodes stop, and the database is put back to an earlier moment: acknowledged messages are gone there. */
  #putReceiverBack(): void {
    const { chance, scheduler, database, nodes, judge } = this.#world;
    this.#at("receiver's copy", () => {
      const dump = database.dump();
      scheduler.after(chance.between(0, this.spanMs / 2), undefined, "receiver put back", () => {
        if (scheduler.nowMs > this.spanMs) return;
        this.wasPutBack = true;
        this.#world.count("receiver put back");
        this.#world.history += 1;
        for (const node of nodes) node.crash();
        judge.putBack(() => database.restore(dump));
      });
    });
  }

  /** @param change of what lies on the disk, meanwhile */
  #restartAgent(afterMs: number, change: () => void = () => {}): void {
    const world = this.#world;
    world.agent.die();
    change();
    if (this.#isStarting) return;
    this.#isStarting = true;
    world.scheduler.after(afterMs, undefined, "agent starts", () => {
      this.#isStarting = false;
      world.agent = new SimAgent(world);
    });
  }
}
