/**
 * The outbox as the agent's main thread knows it, on tables in memory: a writer that carries out one thing
 * after the other, each a little later, and whose answers and notices come back in that order.
 *
 * @module
 */
import { AgentError } from "#agent/errors.ts";
import type { Clock } from "#agent/host/clock.ts";
import type { EpochQuestions, SinkPosition } from "#agent/outbox/epochs/epoch-messages.ts";
import { StoreEpochs } from "#agent/outbox/epochs/store-epochs.ts";
import type { Outbox } from "#agent/outbox/outbox.ts";
import { Progress } from "#agent/outbox/progress.ts";
import type { ReadRange, ReadResult } from "#agent/outbox/reader.ts";
import type { LazyOrder } from "#agent/outbox/writing/writer-messages.ts";
import type { Life } from "./life.ts";
import type { OutboxTables } from "./outbox-tables.ts";
import type { World } from "./world.ts";

export class SimOutbox {
  readonly epochs: StoreEpochs;
  readonly inbox = { hasRoom: true, onRoom: (): void => {} };
  readonly #world: World;
  readonly #life: Life;
  readonly #tables: OutboxTables;
  readonly #progress: Progress;
  readonly #listeners: ((channel: number, lastSeq: bigint) => void)[] = [];
  #executesMs = 0;
  #toldMs = 0;

  constructor(world: World, life: Life, clock: Clock) {
    this.#world = world;
    this.#life = life;
    this.#tables = world.tables;
    const tails = this.#tables.channels.map(({ channel }) => this.#tables.tail(channel));
    this.epochs = new StoreEpochs({ ask: (name, ask) => this.#question(name, ask) }, tails, () =>
      this.#progress.post(),
    );
    this.#progress = new Progress({
      ...{ clock, lastMessageId: 0, post: (order) => this.#lazily(order) },
      isCurrent: (channel, epoch) => this.epochs.isCurrent(channel, epoch),
    });
    // A move that a crash interrupted goes on.
    for (const { channel, filling } of tails) if (filling !== undefined) this.#move(channel);
  }

  /** What the relay asks of an outbox, and no more. */
  get face(): Outbox {
    return this as unknown as Outbox;
  }

  /** Something that was asked of the writer is not done yet. */
  get isWriting(): boolean {
    return this.#executesMs >= this.#world.scheduler.nowMs;
  }

  onAppended(listener: (channel: number, lastSeq: bigint) => void): void {
    this.#listeners.push(listener);
  }

  /** Some messages in one commit. */
  append(channel: number, numbers: readonly number[]): void {
    this.#write(
      "commit",
      () => {
        let seq = 0n;
        for (const number of numbers) {
          seq = this.#tables.append(channel, number, this.#world.ledger.body(number));
          this.#world.ledger.stored(number);
        }
        return seq;
      },
      (seq) => {
        for (const listener of this.#listeners) listener(channel, seq);
      },
    );
  }

  /** A chore prunes what it may. */
  prune(channel: number, part: number): void {
    this.#write("prune", () => {
      for (const { epoch, ackedSeq } of this.#tables.channels[channel - 1]?.epochs ?? []) {
        this.#tables.prune(channel, epoch, BigInt(Math.floor(Number(ackedSeq) * part)));
      }
    });
  }

  settle(channel: number, epoch: bigint, seq: bigint): void {
    this.#world.judge.settled(channel, epoch, seq);
    this.#progress.settle(channel, epoch, seq);
  }

  refused(channel: number, epoch: bigint, seq: bigint): void {
    this.#world.count("refused for good");
    this.#progress.refused(channel, epoch, seq);
  }

  read(range: ReadRange): Promise<ReadResult> {
    return this.#ask("read", () => this.#tables.read(range));
  }

  slices(upload: number, from: number, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#ask("slices", () => this.#tables.slices(upload, from, maxBytes));
  }

  chainAt(channel: number, epoch: bigint, seq: bigint): Promise<Uint8Array | undefined> {
    return this.#ask("chain", () => this.#tables.chainAt(channel, epoch, seq));
  }

  async flushProgress(): Promise<void> {
    this.#progress.post();
    await this.#question("flushProgress", undefined);
  }

  #lazily(order: LazyOrder): void {
    if (order.order !== "settle") return;
    this.#write("settle", () => this.#tables.settle(order.channel, order.epoch, order.seq));
  }

  #question<Name extends keyof EpochQuestions>(
    name: Name,
    ask: EpochQuestions[Name]["ask"],
  ): Promise<EpochQuestions[Name]["answer"]> {
    const answers: { [N in keyof EpochQuestions]?: (of: EpochQuestions[N]["ask"]) => unknown } = {
      part: ({ channel, epoch, sink }) => this.#part(channel, epoch, sink),
      flushProgress: () => {
        if (this.#world.chance.happens(this.#world.faults.busy)) {
          throw new AgentError("STORE_FULL", {});
        }
      },
      retained: ({ channel, epoch }) => this.#tables.retained(channel, epoch),
      hasGap: () => false,
    };
    return this.#ask(name, () => answers[name]?.(ask) as EpochQuestions[Name]["answer"]);
  }

  #part(channel: number, epoch: bigint, sink: SinkPosition): boolean {
    const isMoving = this.#tables.part(channel, epoch, sink);
    this.#world.count("parted");
    if (isMoving) this.#move(channel);
    return isMoving;
  }

  #move(channel: number): void {
    const { chance } = this.#world;
    this.#write(
      "move",
      () => this.#tables.moveSome(channel, 1 + chance.below(8)),
      (tail) => {
        if (tail === null) return;
        this.epochs.begun({
          notice: "epochBegun",
          cause: "parted",
          tail,
          lastMessageId: undefined,
        });
      },
      (tail) => {
        if (tail === null && this.#tables.tail(channel).filling !== undefined) this.#move(channel);
      },
    );
  }

  #ask<T>(name: string, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#write(
        name,
        () => {
          try {
            return { value: work() };
          } catch (error) {
            return { error };
          }
        },
        (result) => {
          if ("error" in result) reject(result.error);
          else resolve(result.value as T);
        },
      );
    });
  }

  /** @param then what the main thread hears. @param after what the writer does next */
  #write<T>(
    name: string,
    work: () => T,
    then?: (result: T) => void,
    after: (result: T) => void = () => {},
  ): void {
    const { scheduler, chance } = this.#world;
    this.#executesMs = Math.max(this.#executesMs, scheduler.nowMs + chance.between(0, 3));
    scheduler.after(this.#executesMs - scheduler.nowMs, this.#life, name, () => {
      const result = work();
      after(result);
      if (then === undefined) return;
      this.#toldMs = Math.max(this.#toldMs, scheduler.nowMs + chance.between(0, 2));
      scheduler.after(this.#toldMs - scheduler.nowMs, this.#life, "told", () => then(result));
    });
  }
}
