/**
 * Agents in this process, as far as the receiver can see of one: a real tunnel over real TLS under a
 * certificate of its own, and two channels.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { type Clock, systemChance, systemClock } from "#agent/host/clock.ts";
import { serialOf } from "#receiver/agent-certificate.ts";
import type { Store } from "#receiver/store/store.ts";
import { issueAgent } from "#test/receiver/support/identities.ts";
import { identityOf, TestTunnel } from "#test/support/test-tunnel.ts";
import { chances } from "../seeded-messages.ts";
import type { Door } from "./balancer.ts";
import { NumberedSource, newTally } from "./numbered-source.ts";

const CHANNELS = ["adt", "lab"] as const;
const TENANT = "north";
/** Of each delay of TP27: whoever is moved every two seconds never has the minute that forgives. */
const PATIENCE = 0.01;
/** Longer than any limit of a phase: how long an agent stays away that was fenced, or told to (TP5). */
const STAYS_AWAY_MS = 30_000;

/** Messages that come ahead of their time while an agent is being moved. */
const HELD_COUNT = 3;

/** No time for that either. */
const HURRIED: Clock = {
  ...systemClock,
  after: (delayMs, act) =>
    systemClock.after(delayMs > STAYS_AWAY_MS ? delayMs * PATIENCE : delayMs, act),
};

interface PlayedMember {
  readonly tunnel: TestTunnel;
  readonly sources: readonly NumberedSource[];
}

export class PlayedFleet implements AsyncDisposable {
  readonly tally = newTally();
  readonly #seed: number;
  readonly #each: number;
  readonly #members: PlayedMember[] = [];
  #due = 0;

  /** @param each messages of one channel, in the end */
  constructor(seed: number, each: number) {
    this.#seed = seed;
    this.#each = each;
  }

  /** Registers `count` agents; each dials the door that `doorFor` gives it, at once. */
  async join(store: Store, count: number, doorFor: () => Promise<Door>): Promise<void> {
    for (let number = 1; number <= count; number++) {
      const name = `ward-${number}`;
      const agent = `${TENANT}/${name}`;
      const issued = await issueAgent(agent);
      const serialHex = serialOf(new X509Certificate(issued.certificatePem));
      await store.addAgent({ tenant: TENANT, name, serialHex, atMs: 0 });
      const door = await doorFor();
      const place = { seed: this.#seed, agent };
      const sources = CHANNELS.map(
        (channel) =>
          new NumberedSource({ ...place, channel }, this.tally, () => door.leftBehindCount),
      );
      const url = new URL(`wss://127.0.0.1:${door.port}`);
      const numbers = chances(this.#seed * 10_000 + 5_000 + number);
      const unit = (): number => numbers.next().value * PATIENCE;
      const tunnel = new TestTunnel(
        url,
        {
          ...{ identity: identityOf(issued), clock: HURRIED },
          chance: { unit, bytes: systemChance.bytes },
          storeId: systemChance.bytes(16),
        },
        sources,
      );
      for (const source of sources) {
        source.reopen = () => tunnel.tunnel.reopen(source);
        source.wake = () => tunnel.tunnel.wake(source);
      }
      const member = { tunnel, sources };
      this.#members.push(member);
      // So that there is something for the node that is left.
      door.onHeld = () => this.#appendTo(member, this.#due + HELD_COUNT);
    }
  }

  /** What each channel must hold in the end, by `agent channel`: the edition of each number. */
  get expected(): Map<string, readonly number[]> {
    return new Map(
      this.#members.flatMap(({ sources }) =>
        sources.map((source) => [source.name, source.editions] as const),
      ),
    );
  }

  /** The next messages of one channel after the other. @param dueOf how many each shall have by now */
  append(due: number, isMeant: () => boolean): void {
    this.#due = due;
    for (const member of this.#members) if (isMeant()) this.#appendTo(member, due);
  }

  #appendTo({ tunnel, sources }: PlayedMember, due: number): void {
    for (const source of sources) {
      source.append(Math.min(due, this.#each) - source.appendedCount);
      tunnel.tunnel.wake(source);
    }
  }

  get waitingCount(): number {
    const sources = this.#members.flatMap(({ sources }) => sources);
    return sources.reduce((sum, { waitingCount }) => sum + waitingCount, 0);
  }

  /** Who waits, and what its tunnel has said last. */
  get waiting(): string[] {
    return this.#members
      .filter(({ sources }) => sources.some(({ waitingCount }) => waitingCount > 0))
      .map(({ tunnel, sources }) => {
        const names = sources.map(({ name, waitingCount }) => `${name} ${waitingCount}`);
        return `${names.join(", ")}: ${tunnel.state}; ${tunnel.logged.slice(-6).join(", ")}`;
      });
  }

  /** How often a line of a tunnel's log began so. */
  loggedCount(beginning: string): number {
    const lines = this.#members.flatMap(({ tunnel }) => tunnel.logged);
    return lines.filter((line) => line.startsWith(beginning)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ tunnel }) => tunnel[Symbol.asyncDispose]()));
  }
}
