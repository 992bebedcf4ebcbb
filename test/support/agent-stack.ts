/**
 * The agent from its socket to its store, without the tunnel: real sockets, real SQLite, in this process.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentError, Facts } from "#agent/errors.ts";
import { ChannelRecord } from "#agent/health/channel-record.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { ChannelCounters } from "#agent/health/counters.ts";
import { type Clock, systemChance, systemClock } from "#agent/host/clock.ts";
import type { Log, LogEvent } from "#agent/host/log.ts";
import { Doorway } from "#agent/ingest/accept.ts";
import type { AcceptingChannel, ChannelRules } from "#agent/ingest/channel.ts";
import type { AckPolicy } from "#agent/ingest/hl7/ack-policy.ts";
import { MllpListener } from "#agent/ingest/mllp/listener.ts";
import type { ListenerSettings } from "#agent/ingest/mllp/listener-options.ts";
import { StoreGate } from "#agent/ingest/store-gate.ts";
import { Outbox } from "#agent/outbox/outbox.ts";
import type { TracedMessage } from "#agent/outbox/reader.ts";
import type { Kek } from "#agent/sealing/key-ring.ts";
import { freePort } from "#scripts/free-port.ts";
import { DEFAULT_RULES, LISTENER_SETTINGS } from "./default-channel.ts";
import { latin1, sha256Of, textOf } from "./messages.ts";
import { MllpSocket } from "./mllp-socket.ts";
import { until } from "./processes.ts";
import { type SetAside, StoreFile } from "./store-file.ts";
import { TEST_KEK } from "./test-keys.ts";

export interface StackOptions {
  readonly settings?: Partial<ListenerSettings>;
  readonly ackPolicy?: Partial<AckPolicy>;
  readonly rules?: Partial<ChannelRules>;
  readonly quarantineMaxBytes?: number;
  /** Of listener, doorway and gate. */
  readonly clock?: Clock;
  /** Of the store's deadline (03 A9). */
  readonly storeClock?: Clock;
  readonly probeIntervalMs?: number;
  /** Where the store is; made and removed where it is not given. */
  readonly stateDir?: string;
  /** Of a store that another agent made. */
  readonly kek?: Kek;
}

/** A message as the store gives it to the relay. */
export interface Kept {
  readonly seq: bigint;
  readonly controlId: string;
  readonly text: string;
  readonly sha256: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly duplicate: boolean;
}

export interface Logged {
  readonly event: LogEvent;
  readonly facts: Facts;
}

export class AgentStack implements AsyncDisposable {
  readonly record: ChannelRecord;
  readonly conditions = new Conditions();
  readonly logged: Logged[] = [];
  readonly log: Log = {
    write: (event, facts) => void this.logged.push({ event, facts }),
    fault: (event, { facts }) => void this.logged.push({ event, facts }),
  };
  readonly stateDir: string;
  readonly #options: StackOptions;
  readonly #port: number;
  #fatal: AgentError | undefined;
  #parts: Parts | undefined;

  private constructor(options: StackOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), "holdfast-ingest-"));
    this.record = new ChannelRecord({
      channel: "adt",
      clock: options.clock ?? systemClock,
      log: this.log,
    });
  }

  static async open(options: StackOptions = {}): Promise<AgentStack> {
    const stack = new AgentStack(options, await freePort());
    await stack.reopen();
    return stack;
  }

  /** Opens everything on the store as it was left, on the same port. */
  async reopen(): Promise<void> {
    assert.equal(this.#parts, undefined, "the stack is open already");
    this.#parts = await openParts(this, this.#options, this.#port, (error) => {
      this.#fatal = error;
    });
  }

  get port(): number {
    return this.#port;
  }

  get counters(): ChannelCounters {
    return this.record.counters;
  }

  get outbox(): Outbox {
    return this.#open().outbox;
  }

  get listener(): MllpListener {
    return this.#open().listener;
  }

  get doorway(): Doorway {
    return this.#open().doorway;
  }

  get channel(): AcceptingChannel {
    return this.#open().channel;
  }

  connect(): Promise<MllpSocket> {
    return MllpSocket.open(this.#port);
  }

  /** Every message of the channel in seq order, each read back whole and checked against its digest. */
  async messages(): Promise<Kept[]> {
    const { outbox, channel } = this.#open();
    const kept: Kept[] = [];
    for (let afterSeq = 0n; ; ) {
      const range = { channel: channel.id, epoch: 1n, afterSeq, maxBytes: 1 << 20, maxCount: 500 };
      const { messages, damagedSeq } = await outbox.read(range);
      assert.equal(damagedSeq, undefined);
      if (messages.length === 0) return kept;
      for (const { seq, body, upload, uploadAt, sha256, length, ...more } of messages) {
        const bytes = body ?? (await slicesOf(outbox, upload, uploadAt, length));
        assert.equal(bytes.length, length);
        assert.equal(sha256Of(bytes), Buffer.from(sha256).toString("hex"));
        const text = textOf(bytes);
        const attributes = more.attributes === "" ? {} : JSON.parse(more.attributes);
        const controlId = textOf(more.controlId);
        const { duplicate } = more;
        kept.push({ seq, controlId, text, sha256: sha256Of(bytes), attributes, duplicate });
        afterSeq = seq;
      }
    }
  }

  trace(controlId: string): Promise<TracedMessage[]> {
    return this.outbox.trace(latin1(controlId));
  }

  /** Waits until `count` connections are open: theirs, that is, as this side sees them. */
  async connections(count: number): Promise<void> {
    await until(`${count} connections`, () => this.listener.connectionCount === count);
  }

  /** Stops in order: listener, store. */
  async close(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#parts = undefined;
    await parts.listener[Symbol.asyncDispose]();
    await until("no connection is left", () => parts.listener.connectionCount === 0);
    parts.gate[Symbol.dispose]();
    await parts.outbox[Symbol.asyncDispose]();
  }

  /** Closes, and reads what was set aside. */
  async quarantine(): Promise<SetAside[]> {
    await this.close();
    using file = new StoreFile(this.stateDir);
    return file.quarantine();
  }

  /** Facts of every line of `event`. */
  logs(event: LogEvent): Facts[] {
    return this.logged.filter((line) => line.event === event).map(({ facts }) => facts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#options.stateDir === undefined) {
      rmSync(this.stateDir, { recursive: true, force: true });
    }
    assert.equal(this.#fatal, undefined, "the store reported that it cannot go on");
  }

  #open(): Parts {
    assert.ok(this.#parts !== undefined, "the stack is closed");
    return this.#parts;
  }
}

interface Parts {
  readonly outbox: Outbox;
  readonly gate: StoreGate;
  readonly doorway: Doorway;
  readonly listener: MllpListener;
  readonly channel: AcceptingChannel;
}

async function openParts(
  { record, conditions, log, stateDir }: AgentStack,
  options: StackOptions,
  port: number,
  onFatal: (error: AgentError) => void,
): Promise<Parts> {
  const { clock = systemClock, probeIntervalMs, quarantineMaxBytes } = options;
  await using stack = new AsyncDisposableStack();
  const outbox = await Outbox.open({
    stateDir,
    allowVolatileState: true,
    channels: [{ name: "adt", ...(quarantineMaxBytes && { quarantineMaxBytes }) }],
    clock: options.storeClock ?? systemClock,
    chance: systemChance,
    kek: options.kek ?? TEST_KEK,
    onFatal,
  });
  stack.use(outbox);
  const gate = new StoreGate({
    probe: () => outbox.probe(),
    clock,
    log,
    conditions,
    ...(probeIntervalMs === undefined ? {} : { probeIntervalMs }),
  });
  const doorway = new Doorway({ outbox, gate, conditions, clock, log });
  const channel: AcceptingChannel = {
    name: "adt",
    id: outbox.channels[0]?.channel ?? 0,
    record,
    rules: {
      ...DEFAULT_RULES,
      ...options.rules,
      ackPolicy: { ...DEFAULT_RULES.ackPolicy, ...options.ackPolicy },
    },
  };
  const settings = { ...LISTENER_SETTINGS, port, ...options.settings };
  const listener = await MllpListener.open({ channel, settings, doorway, conditions, clock, log });
  stack.move();
  return { outbox, gate, doorway, listener, channel };
}

async function slicesOf(
  outbox: Outbox,
  upload: number,
  at: number,
  length: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < length; ) {
    const more = await outbox.slices(upload, at + from, Math.min(1 << 20, length - from));
    assert.notEqual(more.length, 0, "slices end too early");
    parts.push(more);
    from += more.length;
  }
  return Buffer.concat(parts);
}
