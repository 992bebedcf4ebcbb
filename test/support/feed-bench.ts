/** One channel's feed on its own: the outbox before it is real, the tunnel behind it is played. @module */
import assert from "node:assert/strict";
import { Conditions } from "#agent/health/conditions.ts";
import { silentLog } from "#agent/host/silent-log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import type { OutboxOptions } from "#agent/outbox/outbox-options.ts";
import { ChannelFeed } from "#agent/relay/channel-feed.ts";
import { OPENED_STATUS, type OpenedFrame, type RejectCode } from "#protocol/frame.ts";
import type { OutgoingMessage, OutgoingSkip } from "#streams/source/source-stream.ts";
import { ManualClock } from "./clocks.ts";
import { textOf } from "./messages.ts";
import { until } from "./processes.ts";
import { appendTo, entryOf, TestOutbox } from "./test-outbox.ts";

/** A feed between a real outbox and a tunnel that is played: it takes, acks, refuses and hangs up. */
export class FeedBench implements AsyncDisposable {
  readonly store: TestOutbox;
  readonly clock = new ManualClock();
  readonly conditions = new Conditions();
  readonly faults: unknown[] = [];
  readonly tasks = new Tasks((_name, error) => this.faults.push(error));
  wakes = 0;
  reopens = 0;
  feed: ChannelFeed;
  readonly #onReceiverReject: "hold" | "quarantine";

  private constructor(store: TestOutbox, onReceiverReject: "hold" | "quarantine") {
    this.store = store;
    this.#onReceiverReject = onReceiverReject;
    this.feed = this.#newFeed();
  }

  static async open(
    onReceiverReject: "hold" | "quarantine" = "hold",
    options: Partial<OutboxOptions> = {},
  ): Promise<FeedBench> {
    return new FeedBench(await TestOutbox.open(options), onReceiverReject);
  }

  get outbox(): Outbox {
    return this.store.outbox;
  }

  /** The store is closed and opened, with a new feed on it, as by a new process. */
  async restart(change: () => void = () => {}): Promise<void> {
    await this.store.close();
    change();
    await this.store.reopen();
    this.wakes = 0;
    this.feed = this.#newFeed();
  }

  async append(...bodies: readonly string[]): Promise<void> {
    const entries = bodies.map((body) => entryOf({ controlId: body.slice(0, 60), body }));
    await Promise.all(entries.map((entry) => appendTo(this.outbox, entry)));
  }

  async opened(lastSeq = 0n, more: Partial<OpenedFrame> = {}): Promise<boolean> {
    const epoch = more.epoch ?? 1n;
    const chain = lastSeq === 0n ? null : ((await this.outbox.chainAt(1, epoch, lastSeq)) ?? null);
    const frame = { type: "opened", stream: 1, credit: {}, epoch } as const;
    return this.feed.opened({ ...frame, status: OPENED_STATUS.ok, lastSeq, chain, ...more });
  }

  /** Takes `count` messages as they come. @returns `seq body` of each */
  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    await until(`${count} messages`, async () => {
      for (let next = this.feed.take(); next !== undefined; next = this.feed.take()) {
        taken.push(textOfItem(next));
        if (taken.length === count) return true;
      }
      return taken.length >= count;
    });
    return taken;
  }

  reject(seq: bigint, code: RejectCode, permanent: boolean, retryAfterMs?: number): void {
    const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.feed.rejected({ type: "reject", stream: 1, seq, code, permanent, ...retry });
  }

  get open(): string[] {
    return this.conditions.list().map(({ condition, subject }) => `${condition} ${subject}`);
  }

  #newFeed(): ChannelFeed {
    const tail = this.outbox.channels.find(({ channel }) => channel === 1);
    assert.ok(tail !== undefined);
    const feed = new ChannelFeed(tail, {
      outbox: this.outbox,
      clock: this.clock,
      log: silentLog,
      conditions: this.conditions,
      tasks: this.tasks,
      wake: () => void this.wakes++,
      reopen: () => void this.reopens++,
      rules: { priority: "normal", onReceiverReject: this.#onReceiverReject },
    });
    this.outbox.onAppended((channel, lastSeq) => {
      if (channel === 1) feed.appended(lastSeq);
    });
    this.outbox.epochs.onEpoch((begun) => {
      if (begun.channel === 1) feed.begun(begun);
    });
    return feed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tasks[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    assert.deepEqual(this.faults, []);
  }
}

function textOfItem(item: OutgoingMessage | OutgoingSkip): string {
  if (!("body" in item)) return `skip ${item.firstSeq} to ${item.lastSeq} for ${item.reason}`;
  return `${item.seq} ${typeof item.body === "function" ? "in parts" : textOf(item.body)}`;
}

/** What is taken is a message, and no SKIP. */
export function messageIn(item: OutgoingMessage | OutgoingSkip | undefined): OutgoingMessage {
  assert.ok(item !== undefined && "body" in item, "nothing, or a SKIP, is at hand");
  return item;
}

export const names = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `M${from + index}`);
export const numbered = (from: number, count: number): string[] =>
  names(from, count).map((name, index) => `${from + index} ${name}`);
