/**
 * Outbox, tunnel and relay of an agent in this process, towards any URL: what stands behind its listeners.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Chance, systemChance, systemClock } from "#agent/host/clock.ts";
import { openRelay } from "#agent/relay/relay.ts";
import type { IssuedIdentity } from "#certs/development-ca.ts";
import { latin1 } from "./messages.ts";
import { until } from "./processes.ts";
import { appendTo, entryOf, stagedEntry, TestOutbox } from "./test-outbox.ts";
import { identityOf, TestTunnel } from "./test-tunnel.ts";

/** Delays of at most 120 ms: a test has no hour for a fleet's patience. */
const IN_A_HURRY: Chance = { unit: () => 0.002, bytes: systemChance.bytes };
const DEADLINE_MS = 30_000;

export class AgentEnd implements AsyncDisposable {
  readonly store: TestOutbox;
  /** Bodies in the order in which they were committed, by channel. */
  readonly sent: readonly string[][] = [[], []];
  #tunnel: TestTunnel | undefined;

  private constructor(store: TestOutbox) {
    this.store = store;
  }

  /** The store is there; the tunnel is opened by `connect`. */
  static async open(): Promise<AgentEnd> {
    return new AgentEnd(await TestOutbox.open());
  }

  get tunnel(): TestTunnel {
    assert.ok(this.#tunnel !== undefined, "the tunnel is closed");
    return this.#tunnel;
  }

  /** Names of the conditions that are open. */
  get conditions(): string[] {
    return this.tunnel.conditions.list().map(({ condition }) => condition);
  }

  /** The agent starts on its store as it was left, and dials. */
  async connect(url: URL, issued: IssuedIdentity): Promise<void> {
    await this.#disconnect();
    // The relay learns from the store's start what waits, and from each append what more does.
    const outbox = await this.store.reopen();
    const identity = identityOf(issued);
    const options = { identity, chance: IN_A_HURRY, storeId: outbox.storeId };
    const tunnel = new TestTunnel(url, options, []);
    const { log, conditions, tasks } = tunnel;
    const parts = { outbox, tunnel: tunnel.tunnel, clock: systemClock, log, conditions, tasks };
    openRelay({ ...parts, delivered: [] });
    this.#tunnel = tunnel;
  }

  /** One commit. Resolves once it is flushed, as a sender would hear. */
  append(...bodies: readonly string[]): Promise<void> {
    return this.appendTo(1, bodies);
  }

  appendTo(channel: number, bodies: readonly string[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entries = bodies.map((body) => entryOf({ controlId: body.slice(0, 40), body, channel }));
    this.sent[channel - 1]?.push(...bodies);
    this.store.outbox.append(entries, DEADLINE_MS, (outcomes) => {
      if (outcomes.every(({ kind }) => kind === "stored")) resolve();
      else reject(new Error("a message was not stored"));
    });
    return promise;
  }

  /** In slices, as a message of more than 1 MiB comes to the store. */
  async appendLarge(controlId: string, body: string): Promise<void> {
    const entry = stagedEntry(this.store.outbox, controlId, latin1(body));
    this.sent[0]?.push(body);
    assert.equal((await appendTo(this.store.outbox, entry, DEADLINE_MS)).kind, "stored");
  }

  async ackedSeq(channel = 1): Promise<number> {
    return Number((await this.store.tail(channel)).ackedSeq);
  }

  /** Waits until the far end has acked everything of both channels. */
  async settled(limitMs = 20_000): Promise<void> {
    for (const [index, { length }] of this.sent.entries()) {
      const is = async (): Promise<boolean> => (await this.ackedSeq(index + 1)) === length;
      await until(`channel ${index + 1} is settled`, is, limitMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
    await this.store[Symbol.asyncDispose]();
    assert.deepEqual(this.store.fatals, []);
  }

  async #disconnect(): Promise<void> {
    await this.#tunnel?.[Symbol.asyncDispose]();
    this.#tunnel = undefined;
  }
}
