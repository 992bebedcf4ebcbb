/** A sender over a queue in memory, a real connection, and a clock that a test holds in its hand. @module */
import { setTimeout as pause } from "node:timers/promises";
import { MllpSender } from "#agent/deliver/mllp-sender.ts";
import type { SenderSettings } from "#agent/deliver/sender-settings.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { senderSettings } from "#agent/sender-options.ts";
import { mllpSender } from "#config/mllp-sender.ts";
import { ManualClock } from "./clocks.ts";
import { MemoryQueue } from "./memory-queue.ts";

/** Every default of the configuration. */
export const SENDER_SETTINGS: SenderSettings = senderSettings(
  mllpSender.parse({ name: "ris", kind: "mllp-sender", host: "127.0.0.1", port: 1 }),
);

export class SenderBench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly conditions = new Conditions();
  /** Event and facts of each line of the log. */
  readonly lines: string[] = [];
  readonly faults: unknown[] = [];
  readonly settings: SenderSettings;
  queue: MemoryQueue;
  sender: MllpSender;
  /** What each wait is a part of: 0, so that none of them lasts. */
  chance = 0;

  private constructor(queue: MemoryQueue, clock: ManualClock, settings: SenderSettings) {
    this.queue = queue;
    this.clock = clock;
    this.settings = settings;
    this.sender = undefined as unknown as MllpSender;
  }

  static async open(
    port: number,
    changed: Partial<SenderSettings> = {},
    queue = new MemoryQueue(),
    clock = new ManualClock(),
  ): Promise<SenderBench> {
    const bench = new SenderBench(queue, clock, { ...SENDER_SETTINGS, port, ...changed });
    bench.sender = await bench.#openSender();
    return bench;
  }

  /** Alarms that are open. */
  get alarms(): string[] {
    return this.conditions.list().map(({ condition }) => condition);
  }

  get state(): string {
    return this.sender.status.state;
  }

  /** Waits for a condition; what is due by the clock happens meanwhile, and no time passes. */
  async until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!condition()) {
      const seen = `${this.state}; ${this.queue.standing.join()}; ${this.queue.calls.join()}`;
      if (performance.now() > deadline) throw new Error(`not in time: ${what} (${seen})`);
      this.clock.advance(0);
      await pause(1);
    }
  }

  /** Until every message is where `standing` says. */
  async stands(...standing: readonly string[]): Promise<void> {
    const wanted = standing.join();
    await this.until(wanted, () => this.queue.standing.join() === wanted);
  }

  /** Gives everything that might happen the time to happen, where nothing must. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      this.clock.advance(0);
      await pause(2);
    }
  }

  /** The process dies, and another one begins where the store stands. */
  async crashAndRestart(): Promise<void> {
    this.queue.crash();
    this.sender.abort();
    this.queue = this.queue.reopened();
    this.sender = await this.#openSender();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sender.abort();
    await this.sender[Symbol.asyncDispose]();
  }

  #openSender(): Promise<MllpSender> {
    const log: Log = {
      write: (event, facts) => {
        const shown = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
        this.lines.push([event, ...shown].join(" "));
      },
      fault: (event, { code }) => void this.lines.push(`${event} ${code}`),
    };
    const { clock, conditions, settings, queue } = this;
    return MllpSender.open({
      ...{ channel: "ris", settings, queue, clock, conditions, log },
      chance: { unit: () => this.chance, bytes: (count) => new Uint8Array(count) },
      tasks: new Tasks((_name, error) => void this.faults.push(error)),
    });
  }
}
