/** A folder channel over a queue in memory, a real folder and worker, and a clock that a test holds in its hand. @module */
import { setTimeout as pause } from "node:timers/promises";
import { FolderSender } from "#agent/deliver/folder-sender.ts";
import type { FolderSettings } from "#agent/deliver/folder-settings.ts";
import { Conditions } from "#agent/health/conditions.ts";
import type { Log } from "#agent/host/log.ts";
import { Tasks } from "#agent/host/tasks.ts";
import { folderSettings } from "#agent/sender-options.ts";
import { folder } from "#config/folder.ts";
import { ManualClock } from "./clocks.ts";
import { MemoryQueue } from "./memory-queue.ts";
import { TargetFolder } from "./target-folder.ts";

/** Every default of the configuration. */
export const FOLDER_SETTINGS: FolderSettings = folderSettings(
  folder.parse({ name: "orders", kind: "folder", folder: "/nowhere" }),
);

export interface Changed extends Partial<Omit<FolderSettings, "outlet">> {
  readonly outlet?: Partial<FolderSettings["outlet"]>;
}

export class FolderBench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly conditions = new Conditions();
  /** Event and facts of each line of the log. */
  readonly lines: string[] = [];
  readonly faults: unknown[] = [];
  readonly target = new TargetFolder();
  readonly settings: FolderSettings;
  queue = new MemoryQueue();
  sender: FolderSender;
  /** What each wait is a part of: 0, so that none of them lasts. */
  chance = 0;

  constructor(changed: Changed = {}, prepare: (bench: FolderBench) => void = () => {}) {
    this.clock = new ManualClock();
    const { outlet, ...rest } = changed;
    const { folder } = this.target;
    this.settings = {
      ...{ ...FOLDER_SETTINGS, ...rest },
      outlet: { ...FOLDER_SETTINGS.outlet, folder, ...outlet },
    };
    prepare(this);
    this.sender = this.#openSender();
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
      const seen = `${this.state}; ${this.queue.standing.join()}; ${this.lines.slice(-3).join()}`;
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
  crashAndRestart(): void {
    this.queue.crash();
    this.sender.abort();
    this.queue = this.queue.reopened();
    this.sender = this.#openSender();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sender.abort();
    await this.sender[Symbol.asyncDispose]();
    this.target[Symbol.dispose]();
  }

  #openSender(): FolderSender {
    const log: Log = {
      write: (event, facts) => {
        const shown = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
        this.lines.push([event, ...shown].join(" "));
      },
      fault: (event, { code }) => void this.lines.push(`${event} ${code}`),
    };
    const { clock, conditions, settings, queue } = this;
    return FolderSender.open({
      ...{ channel: "orders", settings, queue, clock, conditions, log },
      chance: { unit: () => this.chance, bytes: (count) => new Uint8Array(count) },
      tasks: new Tasks((_name, error) => void this.faults.push(error)),
    });
  }
}

/** `receivedAtMs` of rows of a queue in memory. */
const CREATED = "20250101T120000000";
/** The name of a message of the queue. */
export const nameOf = (id: number, ext = "hl7"): string =>
  `${CREATED}_${String(id).padStart(12, "0")}_1-${id}.${ext}`;
