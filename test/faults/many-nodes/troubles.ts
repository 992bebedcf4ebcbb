/**
 * What goes wrong, and when: by seed. Each node is in trouble for a quarter of the time; each agent is moved
 * to another node every two seconds, and leaves a quarter of its connections in a bad way.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { chances } from "../seeded-messages.ts";
import type { Balancer, Door, Parting } from "./balancer.ts";
import type { Node, Nodes } from "./nodes.ts";

const TROUBLES = ["killed", "frozen", "cutOff", "acksLost"] as const;
export type Trouble = (typeof TROUBLES)[number];

/** On average 6 s of health and 2 s of trouble. */
const HEALTHY_MS = { least: 2_000, most: 10_000 };
const TROUBLED_MS = { least: 1_000, most: 3_000 };
const BAD_PARTINGS: readonly Parting[] = ["reset", "acksLost", "leftBehind", "leftBehind"];
const BAD_SHARE = 0.25;
const CUT_OFF_EVERY_MS = 150;

export interface Moved {
  readonly door: Door;
  /** On average. */
  readonly everyMs: number;
}

export class Troubles {
  readonly counts = new Map<Trouble, number>();
  readonly #nodes: Nodes;
  readonly #balancer: Balancer;
  readonly #seed: number;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #startMs = performance.now();
  #troubledMs = 0;
  #endMs = 0;

  constructor(nodes: Nodes, balancer: Balancer, seed: number, moved: readonly Moved[]) {
    this.#nodes = nodes;
    this.#balancer = balancer;
    this.#seed = seed;
    for (const [index, node] of nodes.all.entries()) {
      this.#running.push(this.#trouble(node, this.#chances(index)));
    }
    for (const [index, one] of moved.entries()) {
      this.#running.push(this.#move(one, this.#chances(nodes.all.length + index)));
    }
  }

  /** Every trouble that has begun is over, and no other begins. */
  async end(): Promise<void> {
    this.#ended.abort();
    this.#endMs = performance.now();
    await Promise.all(this.#running);
  }

  /** Of the nodes' time, how much was trouble, from 0 to 1. */
  get share(): number {
    return this.#troubledMs / (this.#nodes.all.length * (this.#endMs - this.#startMs));
  }

  #chances(index: number): () => number {
    const numbers = chances(this.#seed * 10_000 + index);
    return () => numbers.next().value;
  }

  async #trouble(node: Node, chance: () => number): Promise<void> {
    // Each begins with another one, so that a short run has all of them.
    let next = this.#nodes.all.indexOf(node);
    for (;;) {
      if (!(await this.#wait(between(HEALTHY_MS, chance())))) return;
      const trouble = TROUBLES[next % TROUBLES.length] ?? "killed";
      next = Math.floor(chance() * TROUBLES.length);
      const startMs = performance.now();
      await this.#cause(trouble, node, between(TROUBLED_MS, chance()));
      this.counts.set(trouble, (this.counts.get(trouble) ?? 0) + 1);
      this.#troubledMs += performance.now() - startMs;
    }
  }

  async #cause(trouble: Trouble, node: Node, forMs: number): Promise<void> {
    switch (trouble) {
      case "killed":
        await node.kill();
        await this.#wait(forMs);
        await node.start();
        break;
      case "frozen":
        node.freeze();
        await this.#wait(forMs);
        node.goOn();
        break;
      case "cutOff":
        for (let leftMs = forMs; leftMs > 0; leftMs -= CUT_OFF_EVERY_MS) {
          await this.#nodes.cutOff(node);
          if (!(await this.#wait(CUT_OFF_EVERY_MS))) break;
        }
        break;
      case "acksLost":
        await this.#balancer.loseAcksOf(node.port, forMs);
        break;
    }
  }

  async #move({ door, everyMs }: Moved, chance: () => number): Promise<void> {
    const partings: Promise<void>[] = [];
    while (await this.#wait(everyMs * (0.5 + chance()))) {
      const { all } = this.#nodes;
      const old = all.find(({ port }) => port === door.nodePort);
      const others = all.filter((node) => node !== old);
      const next = others[Math.floor(chance() * others.length)];
      const [isBad, kind] = [chance() < BAD_SHARE, chance()];
      const bad = BAD_PARTINGS[Math.floor(kind * BAD_PARTINGS.length)] ?? "reset";
      // A node that is frozen finds what the agent had sent when it goes on.
      const parting = old?.isFrozen === true ? "leftBehind" : isBad ? bad : "closed";
      if (next !== undefined) partings.push(door.moveTo(next.port, parting));
    }
    await Promise.all(partings);
  }

  /** @returns false if it is over */
  async #wait(forMs: number): Promise<boolean> {
    const { signal } = this.#ended;
    // An abort is the other way to end.
    await pause(forMs, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}

const between = ({ least, most }: { least: number; most: number }, chance: number): number =>
  least + (most - least) * chance;
