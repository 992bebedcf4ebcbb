/**
 * Many agents, several nodes on one database, and no peace: agents are moved all the time, nodes are killed,
 * frozen, cut off from the database, their acknowledgments vanish. In the end every message is stored once,
 * in order, unchanged.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { openPostgresStore } from "#receiver/store/postgres/postgres-store.ts";
import { PostgresServer } from "#test/receiver/support/postgres.ts";
import { until } from "#test/support/processes.ts";
import { chances } from "../seeded-messages.ts";
import { Balancer, type Door } from "./balancer.ts";
import { Nodes } from "./nodes.ts";
import { exported, judgeNumbered, type Verdict } from "./oracle.ts";
import { PlayedFleet } from "./played-fleet.ts";
import { RealAgents } from "./real-agents.ts";
import { type Moved, Troubles } from "./troubles.ts";

const NODE_COUNT = 4;
const CHANNELS_PER_AGENT = 2;
const MOVE_EVERY_MS = 2_000;
/** An agent in earnest waits longer after every loss (TP27): moved as often, it would hardly ever be there. */
const REAL_MOVE_EVERY_MS = 15_000;
const TICK_MS = 100;
/** In a tick, a channel gets what is due with this chance: messages come in small groups. */
const TICK_SHARE = 0.2;
const WAITING_SHOWN = 3;

export interface ManyNodes {
  /** Decides the messages, what goes wrong, and where each agent is led. */
  readonly seed: number;
  readonly agents: number;
  /** Of all agents together, over {@link loadMs}. */
  readonly messages: number;
  readonly loadMs: number;
  /** Agents as processes, with stores and senders, beside those. [0] */
  readonly realAgents?: number;
  /** From the end of the last trouble until nothing waits. */
  readonly drainLimitMs: number;
  /** The tree whose receivers run; absent: this one. */
  readonly root?: string;
  /** Hears how far it is, every ten seconds. */
  readonly progress?: (line: string) => void;
}

export interface ManyNodesOutcome extends Verdict {
  /** How often each trouble came over a node. */
  readonly troubles: Readonly<Record<string, number>>;
  /** Of the nodes' time. */
  readonly troubledShare: number;
  /** How connections ended, were made, or were refused at the balancer. */
  readonly connections: Readonly<Record<string, number>>;
  readonly resentCount: number;
  /** Large messages that went on where they were stored. */
  readonly resumedCount: number;
  /** By code. */
  readonly rejections: Readonly<Record<string, number>>;
  /** Connections that a node was told to write no more on. */
  readonly fencedCount: number;
  /** Agents that were told FENCED on the connection that they still had. */
  readonly agentsToldFenced: number;
  /** Agents that were told to come back in half a minute, because the database did not answer. */
  readonly agentsShed: number;
  /** What senders of the real agents heard AA for. */
  readonly acknowledgedCount: number;
  readonly drainMs: number;
}

export async function manyNodes(run: ManyNodes): Promise<ManyNodesOutcome> {
  const each = Math.ceil(run.messages / run.agents / CHANNELS_PER_AGENT);
  await using server = await PostgresServer.start();
  await using nodes = await Nodes.make(server, NODE_COUNT, run.root);
  await nodes.start();
  await using balancer = new Balancer();
  await using fleet = new PlayedFleet(run.seed, each);
  await using real = await RealAgents.make(run.seed, run.realAgents ?? 0);
  const moved: Moved[] = [];
  const doorFor = (everyMs: number) => async (): Promise<Door> => {
    const node = nodes.all[moved.length % NODE_COUNT];
    const door = await balancer.add(node?.port ?? 0);
    moved.push({ door, everyMs });
    return door;
  };
  {
    await using store = await openPostgresStore(server.options(nodes.database));
    await fleet.join(store, run.agents, doorFor(MOVE_EVERY_MS));
    await real.start(store, doorFor(REAL_MOVE_EVERY_MS));
  }
  const troubles = new Troubles(nodes, balancer, run.seed, moved);
  await load(fleet, each, run);
  const ledgers = await real.finish();
  await troubles.end();
  const drainMs = await drained(run, fleet, real);
  const config = nodes.all[0]?.folder.config ?? "";
  const verdict = await judgeNumbered(exported(config), run.seed, fleet.expected);
  const { tally } = fleet;
  const reasons = [...verdict.reasons, ...tally.reasons, ...nodes.crashes, ...drainMs.reasons];
  reasons.push(...(await real.judge(config, ledgers)));
  return {
    ...verdict,
    reasons,
    troubles: Object.fromEntries(troubles.counts),
    troubledShare: troubles.share,
    connections: Object.fromEntries(balancer.counts),
    resentCount: tally.resentCount,
    resumedCount: tally.resumedCount,
    rejections: Object.fromEntries(tally.rejections),
    fencedCount: nodes.count("agentFenced"),
    agentsToldFenced: fleet.loggedCount("tunnelLost TUNNEL_FENCED"),
    agentsShed: fleet.loggedCount("tunnelLost TUNNEL_OVERLOADED"),
    acknowledgedCount: ledgers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0),
    drainMs: drainMs.ms,
  };
}

/** Appends at an even pace, in small groups. */
async function load(fleet: PlayedFleet, each: number, run: ManyNodes): Promise<void> {
  const numbers = chances(run.seed * 10_000 + 9_999);
  const startMs = performance.now();
  let saidMs = startMs;
  for (let ms = 0; ms < run.loadMs; ms = performance.now() - startMs) {
    const due = Math.floor((each * ms) / run.loadMs);
    fleet.append(due, () => numbers.next().value < TICK_SHARE);
    if (performance.now() - saidMs > 10_000) {
      saidMs = performance.now();
      run.progress?.(`${Math.round(ms / 1_000)} s: ${due} a channel, ${fleet.waitingCount} wait`);
    }
    await pause(TICK_MS);
  }
  fleet.append(each, () => true);
}

/** Liveness: everything arrives without help. */
async function drained(
  { drainLimitMs, progress }: ManyNodes,
  fleet: PlayedFleet,
  real: RealAgents,
): Promise<{ readonly ms: number; readonly reasons: string[] }> {
  const startMs = performance.now();
  const waiting = async (): Promise<number> => fleet.waitingCount + (await real.waitingCount());
  progress?.(`the troubles are over: ${await waiting()} wait`);
  const reasons: string[] = [];
  let saidMs = startMs;
  const isDone = async (): Promise<boolean> => {
    if (performance.now() - saidMs > 2_000) {
      saidMs = performance.now();
      for (const line of fleet.waiting.slice(0, WAITING_SHOWN)) progress?.(`  ${line}`);
    }
    return (await waiting()) === 0;
  };
  try {
    await until("nothing waits", isDone, drainLimitMs);
  } catch (error) {
    reasons.push(`liveness: ${await waiting()} wait: ${String(error)}`);
    reasons.push(...fleet.waiting.slice(0, WAITING_SHOWN));
  }
  return { ms: performance.now() - startMs, reasons };
}
