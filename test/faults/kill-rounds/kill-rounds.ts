/**
 * Real agent, real receiver, senders that never give up: one of the two is killed again and again, and in
 * the end the receiver must hold everything that was acknowledged, once and in order.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makePair, type Pair } from "#scripts/make-pair.ts";
import { agentStatus, type Started, startAgent, startReceiver } from "#test/support/processes.ts";
import { chances, controlIdOf, fateOf, messageOf } from "../seeded-messages.ts";
import { StopAndWait } from "../stop-and-wait.ts";
import { exported, judge, type Ledger } from "./oracle.ts";

const CHANNELS = ["adt", "lab"] as const;
const CONNECTIONS_PER_CHANNEL = 4;
/** Load between two kills. */
const LOAD_MS = { least: 150, most: 900 };
/** Between a reply and the next message of its sender. */
const THINK_MS = 10;
const DRAIN_LIMIT_MS = 60_000;

export interface KillRounds {
  /** Decides the messages, who is killed, and when. */
  readonly seed: number;
  readonly rounds: number;
  /** How long a sender waits before its next message: what keeps a long run from filling the disk. */
  readonly thinkMs?: number;
  /** The tree whose agent and receiver run; absent: this one. */
  readonly root?: string;
}

export interface Outcome {
  readonly acknowledged: number;
  readonly agentKills: number;
  readonly receiverKills: number;
  readonly resends: number;
  /** Why an oracle does not hold; empty if all do. */
  readonly reasons: readonly string[];
}

/** Kills `rounds` times, the agent last; then lets the outbox drain and judges. */
export async function killRounds({ seed, rounds, thinkMs, root }: KillRounds): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-kill-"));
  try {
    const pair = await makePair({ folder, moreChannels: CHANNELS.slice(1) });
    await using ends = new Ends(pair, root);
    await ends.start();
    using load = new Load(pair, seed, thinkMs ?? THINK_MS);
    const random = chances(seed);
    for (let round = 1; round <= rounds; round++) {
      await pause(LOAD_MS.least + random.next().value * (LOAD_MS.most - LOAD_MS.least));
      // The agent last: after a kill of the receiver alone it may wait 30 s before it dials (TP27).
      const agent = round === rounds || random.next().value < 0.5;
      await (agent ? ends.killAgent() : ends.killReceiver());
    }
    const ledger = await load.finish();
    const { agentKills, receiverKills } = ends;
    const reasons = await drained(pair);
    reasons.push(...(await judge(exported(pair.receiverConfig), ledger)));
    const { acknowledged, resends } = ledger;
    return { acknowledged: acknowledged.size, agentKills, receiverKills, resends, reasons };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Liveness: the outbox drains without help. @returns reasons */
async function drained(pair: Pair): Promise<string[]> {
  const deadline = performance.now() + DRAIN_LIMIT_MS;
  for (;;) {
    const { channels } = await agentStatus(pair.agentConfig);
    const waiting = channels.reduce((sum, channel) => sum + channel.waiting, 0);
    if (waiting === 0) return [];
    if (performance.now() > deadline)
      return [`liveness: ${waiting} wait after ${DRAIN_LIMIT_MS} ms`];
    await pause(200);
  }
}

/** The agent and the receiver, each started again as soon as it was killed. */
class Ends implements AsyncDisposable {
  agentKills = 0;
  receiverKills = 0;
  readonly #pair: Pair;
  readonly #root: string | undefined;
  #agent: Started | undefined;
  #receiver: Started | undefined;

  constructor(pair: Pair, root: string | undefined) {
    this.#pair = pair;
    this.#root = root;
  }

  async start(): Promise<void> {
    this.#receiver = startReceiver(this.#pair.receiverConfig, this.#root);
    await this.#receiver.ready();
    this.#agent = startAgent(this.#pair.agentConfig, undefined, this.#root);
    await this.#agent.ready();
  }

  async killAgent(): Promise<void> {
    await this.#agent?.end("SIGKILL");
    this.agentKills += 1;
    this.#agent = startAgent(this.#pair.agentConfig, undefined, this.#root);
    await this.#agent.ready();
  }

  async killReceiver(): Promise<void> {
    await this.#receiver?.end("SIGKILL");
    this.receiverKills += 1;
    this.#receiver = startReceiver(this.#pair.receiverConfig, this.#root);
    await this.#receiver.ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
  }
}

/** Senders on every channel, from now until `finish`. */
class Load implements Disposable {
  readonly #seed: number;
  readonly #thinkMs: number;
  readonly #ended = new AbortController();
  readonly #senders: StopAndWait[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #acknowledged = new Map<string, string>();

  constructor(pair: Pair, seed: number, thinkMs: number) {
    this.#seed = seed;
    this.#thinkMs = thinkMs;
    for (const channel of CHANNELS) {
      for (let index = 0; index < CONNECTIONS_PER_CHANNEL; index++) {
        const sender = new StopAndWait(pair.ports[channel] ?? 0);
        this.#senders.push(sender);
        this.#running.push(this.#run(sender, channel, index));
      }
    }
  }

  /** Every message that was begun gets its reply; then nothing more is sent. */
  async finish(): Promise<Ledger> {
    this.#ended.abort();
    await Promise.all(this.#running);
    const resends = this.#senders.reduce((sum, sender) => sum + sender.resends, 0);
    return { acknowledged: this.#acknowledged, resends };
  }

  async #run(sender: StopAndWait, channel: string, index: number): Promise<void> {
    for (let number = 0; !this.#ended.signal.aborted; number++) {
      const controlId = controlIdOf(this.#seed, `${channel}-${index}`, number);
      if (fateOf(controlId) === "refused") continue;
      const reply = await sender.send(messageOf(controlId));
      if (reply?.code !== "AA" || reply.controlId !== controlId) {
        throw new Error(`${controlId} was answered ${reply?.code} ${reply?.controlId}`);
      }
      this.#acknowledged.set(controlId, channel);
      await pause(this.#thinkMs);
    }
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    for (const sender of this.#senders) sender[Symbol.dispose]();
  }
}
