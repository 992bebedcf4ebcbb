/** Stop-and-wait senders of seeded messages on channel `adt`, from the start until `finish`. @module */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "#test/support/processes.ts";
import type { Ledger } from "./kill-rounds/oracle.ts";
import { controlIdOf, fateOf, messageOf } from "./seeded-messages.ts";
import { StopAndWait } from "./stop-and-wait.ts";

export interface SendersOptions {
  readonly port: number;
  readonly count: number;
  /** Names them, where others have the same seed. */
  readonly firstIndex?: number;
  /** Makes the control ids unique. */
  readonly seed: number;
  /** Between a reply and the next message of its sender. */
  readonly thinkMs?: number;
  /** How long each waits for a reply before it sends again. */
  readonly patienceMs?: number;
}

export class SeededSenders implements Disposable {
  /** Control id to channel, in the order of the replies. */
  readonly acknowledged = new Map<string, string>();
  /** The soonest reply to a message that had gone out once, in ms. */
  soonestMs = Number.POSITIVE_INFINITY;
  readonly #options: SendersOptions;
  readonly #ended = new AbortController();
  /** Fired at disposal: the agent may be gone, and no reply will come. */
  readonly #abandoned = new AbortController();
  readonly #senders: StopAndWait[];
  readonly #running: Promise<void>[];
  #next = Promise.withResolvers<void>();

  constructor(options: SendersOptions) {
    this.#options = options;
    this.#senders = Array.from(
      { length: options.count },
      () => new StopAndWait(options.port, options.patienceMs),
    );
    const { firstIndex = 0 } = options;
    this.#running = this.#senders.map((sender, index) => this.#run(sender, firstIndex + index));
    // Whoever awaits `finish` hears of it; until then it is not unhandled.
    for (const running of this.#running) running.catch(() => {});
  }

  get resends(): number {
    return this.#senders.reduce((sum, { resends }) => sum + resends, 0);
  }

  /** Resolves with the next reply, in the turn in which it came: the moment to kill whoever sent it too soon. */
  get next(): Promise<void> {
    return this.#next.promise;
  }

  /** Waits until `count` more messages are acknowledged. */
  async more(count: number, limitMs = 20_000): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await until(`${count} more AA`, () => this.acknowledged.size >= wanted, limitMs);
  }

  /** Every message that was begun gets its reply; then nothing more is sent. */
  async finish(): Promise<Ledger> {
    this.#ended.abort();
    await Promise.all(this.#running);
    return { acknowledged: this.acknowledged, resends: this.resends };
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#abandoned.abort();
    for (const sender of this.#senders) sender[Symbol.dispose]();
  }

  async #run(sender: StopAndWait, index: number): Promise<void> {
    const { seed, thinkMs = 10 } = this.#options;
    for (let number = 0; !this.#ended.signal.aborted; number++) {
      const controlId = controlIdOf(seed, `adt-${index}`, number);
      if (fateOf(controlId) === "refused") continue;
      const before = { resends: sender.resends, ms: performance.now() };
      const reply = await sender.send(messageOf(controlId), this.#abandoned.signal);
      if (reply === undefined) return;
      if (reply.code !== "AA" || reply.controlId !== controlId) {
        throw new Error(`${controlId} was answered ${reply.code} ${reply.controlId}`);
      }
      if (sender.resends === before.resends) {
        this.soonestMs = Math.min(this.soonestMs, performance.now() - before.ms);
      }
      this.acknowledged.set(controlId, "adt");
      this.#next.resolve();
      this.#next = Promise.withResolvers<void>();
      await pause(thinkMs);
    }
  }
}
