/**
 * Outbox, tunnel and relay of the agent, the fault proxy, and a real receiver, in one process: a line
 * from a commit here to a commit there.
 *
 * @module
 */
import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import type { Chance } from "#agent/host/clock.ts";
import { systemChance, systemClock } from "#agent/host/clock.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { openRelay, type Relay } from "#agent/relay/relay.ts";
import { ID_BYTES } from "#protocol/limits.ts";
import type { Receiver } from "#receiver/receiver.ts";
import { freePort } from "#scripts/free-port.ts";
import { type NewAgent, ReceiverFolder } from "#test/receiver/support/receiver-folder.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { until } from "./processes.ts";
import { appendTo, entryOf, TestOutbox } from "./test-outbox.ts";
import { identityOf, TestTunnel } from "./test-tunnel.ts";

/** Delays of at most 120 ms: a test has no hour for a fleet's patience. */
const IN_A_HURRY: Chance = { unit: () => 0.002, bytes: systemChance.bytes };

export class RelayLine implements AsyncDisposable {
  readonly folder: ReceiverFolder;
  readonly proxy: FaultProxy;
  readonly store: TestOutbox;
  readonly agent: NewAgent;
  /** Bodies in the order in which they were committed, by channel. */
  readonly sent: string[][] = [[], []];
  readonly #heartbeatMs: number;
  #receiver: Receiver | undefined;
  #tunnel: TestTunnel | undefined;
  #relay: Relay | undefined;

  private constructor(
    parts: Pick<RelayLine, "folder" | "proxy" | "store" | "agent">,
    heartbeatMs: number,
  ) {
    this.folder = parts.folder;
    this.proxy = parts.proxy;
    this.store = parts.store;
    this.agent = parts.agent;
    this.#heartbeatMs = heartbeatMs;
  }

  /** Everything is there; the agent's tunnel is opened by `openTunnel`. */
  static async open(heartbeatMs = 10_000): Promise<RelayLine> {
    const port = await freePort();
    const folder = new ReceiverFolder({ port });
    const receiver = await folder.open({ heartbeatMs });
    const agent = await folder.newAgent();
    const [proxy, store] = [await startFaultProxy(port), await TestOutbox.open()];
    const line = new RelayLine({ folder, proxy, store, agent }, heartbeatMs);
    line.#receiver = receiver;
    return line;
  }

  get tunnel(): TestTunnel {
    assert.ok(this.#tunnel !== undefined, "the tunnel is closed");
    return this.#tunnel;
  }

  /** The last one that was opened. */
  get relay(): Relay {
    assert.ok(this.#relay !== undefined, "no tunnel was opened");
    return this.#relay;
  }

  /** Opens tunnel and relay on the outbox as it is. */
  openTunnel(outbox: Outbox = this.store.outbox): void {
    const url = new URL(`wss://127.0.0.1:${this.proxy.port}`);
    const identity = identityOf(this.agent.identity);
    const options = { identity, chance: IN_A_HURRY, storeId: outbox.storeId };
    const tunnel = new TestTunnel(url, options, []);
    const { log, conditions, tasks } = tunnel;
    const parts = { outbox, tunnel: tunnel.tunnel, clock: systemClock, log, conditions, tasks };
    this.#relay = openRelay({ ...parts, delivered: [] });
    this.#tunnel = tunnel;
  }

  async closeTunnel(): Promise<void> {
    await this.#tunnel?.[Symbol.asyncDispose]();
    this.#tunnel = undefined;
  }

  /** The agent dies: whatever its tasks meant to do is over. */
  async dropTunnel(): Promise<void> {
    const tunnel = this.#tunnel;
    this.#tunnel = undefined;
    tunnel?.tunnel.abort();
    await tunnel?.tunnel[Symbol.asyncDispose]();
  }

  /** Makes the closed store one that was restored: its next start begins new epochs. */
  markRestored(): void {
    const db = new Sqlite(this.store.databaseFile);
    db.exec("UPDATE identity SET restored = 1");
    db.close();
  }

  async stopReceiver(): Promise<void> {
    await this.#receiver?.[Symbol.asyncDispose]();
    this.#receiver = undefined;
  }

  async startReceiver(): Promise<void> {
    this.#receiver = await this.folder.open({ heartbeatMs: this.#heartbeatMs });
  }

  /** Asks the agent something (TP36), as platform code would. @returns ms until the answer is durable */
  async ask(): Promise<number> {
    const receiver = this.#receiver;
    assert.ok(receiver !== undefined, "the receiver is stopped");
    const [tenant = "", name = ""] = this.agent.name.split("/");
    const id = systemChance.bytes(ID_BYTES);
    const startMs = performance.now();
    const { seq } = await receiver.command({ tenant, name, id, document: Buffer.from("{}") });
    await until(`command ${seq} is answered`, async () => {
      for await (const record of receiver.commands({ tenant, name })) {
        if (record.seq === seq) return record.outcome !== null;
      }
      return false;
    });
    return performance.now() - startMs;
  }

  async append(body: string, channel = 1): Promise<void> {
    const outcome = await appendTo(
      this.store.outbox,
      entryOf({ controlId: body.slice(0, 40), body, channel }),
    );
    assert.equal(outcome.kind, "stored");
    this.sent[channel - 1]?.push(body);
  }

  /** Waits until everything is settled here; then the receiver holds it: once, in order, unchanged. */
  async arrivesWhole(limitMs = 20_000): Promise<void> {
    for (const [index, sent] of this.sent.entries()) {
      await until(
        `channel ${index + 1} is settled`,
        async () => (await this.store.tail(index + 1)).ackedSeq === BigInt(sent.length),
        limitMs,
      );
    }
    // By channel, in order: adt before oru.
    assert.deepEqual(await this.agent.stored(), this.sent.flat());
    const rows = await this.folder.export();
    assert.ok(rows.every((row) => row["gap"] === undefined));
    assert.deepEqual(this.tunnel.conditions.list(), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.clear();
    await this.closeTunnel();
    await this.proxy.stop();
    await this.stopReceiver();
    await this.store[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
    assert.deepEqual(this.store.fatals, []);
  }
}
