/**
 * Hands one channel on: in order, one at a time or some together, each until it was taken. What is not taken is tried
 * again with full jitter, for ever, and stops this channel and no other.
 *
 * @module
 */
import { foreignCode, ReceiverError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { OUTLET_RETRY_MAX_MS, OUTLET_RETRY_MIN_MS, OUTLET_STUCK_FAILURES } from "../limits.ts";
import type { OutletStore, Place } from "../store/outlets.ts";
import type { Store } from "../store/store.ts";
import { comparePlaces, type OutletChannel, type OutletEvent, START } from "./event.ts";
import { readEvents } from "./feed.ts";
import { PositionKeeper } from "./position.ts";
import { printable } from "./printable.ts";
import type { Slots } from "./slots.ts";

/** Where an outlet hands on to. */
export interface Taker {
  /** Of the outlet. */
  readonly name: string;
  /**
   * Takes one event; it counts as taken when the promise resolves.
   *
   * @param signal aborts when nobody waits for the answer any more
   */
  take(event: OutletEvent, signal: AbortSignal): Promise<void>;
  /**
   * Takes as many from the front of `events` as go well together: all of these, or none.
   *
   * @returns how many, at least 1
   */
  takeSome?(events: readonly OutletEvent[], signal: AbortSignal): Promise<number>;
}

/** What all channels of an outlet have in common. */
export interface PumpContext {
  readonly store: Store & OutletStore;
  readonly taker: Taker;
  /** How many channels hold a page of messages at once (I-8). */
  readonly slots: Slots;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Takes no more: what is under way may end. */
  readonly stopping: AbortSignal;
  /** What is under way is given up. */
  readonly stopped: AbortSignal;
}

/** `idle`: nothing is there. `asked`: somebody wants something else first. */
type Turn = "more" | "idle" | "failed" | "asked";

interface Rewind {
  readonly to: Place;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class ChannelPump {
  /** Resolves once it has ended. */
  readonly closed: Promise<void>;
  readonly #channel: OutletChannel;
  readonly #context: PumpContext;
  readonly #keeper: PositionKeeper;
  /** Undefined until the store has said it. */
  #position: Place | undefined;
  /** Where the channel stood when nothing more was found. */
  #checked: Place = START;
  #failureCount = 0;
  #isWoken = true;
  #wake: () => void = () => {};
  #rewinds: Rewind[] = [];

  constructor(channel: OutletChannel, context: PumpContext) {
    this.#channel = channel;
    this.#context = context;
    const { agent, channel: name } = channel;
    const key = { outlet: context.taker.name, agent, channel: name };
    this.#keeper = new PositionKeeper(context.store, context.clock, key);
    this.closed = this.#run().catch((error: unknown) => {
      // The store is gone, and with it soon the process (S9); or it was closed under a late flush.
      if (!context.stopping.aborted) throw error;
    });
  }

  /** Something new is there, or it is time to stop. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Tells where the channel stands, in case nobody woke it. */
  notice(head: Place): void {
    if (comparePlaces(head, this.#checked) <= 0) return;
    this.#checked = head;
    this.wake();
  }

  /**
   * Goes back, or ahead, once the event under way has ended. Durable when it resolves.
   *
   * @throws {ReceiverError} if the store cannot keep it
   */
  rewind(to: Place): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#rewinds.push({ to, done: resolve, failed: reject });
    this.wake();
    return promise;
  }

  async #run(): Promise<void> {
    const { stopping } = this.#context;
    while (!stopping.aborted) {
      const turn = await this.#turn();
      if (turn === "failed") await this.#rest();
      else if (turn === "idle" && !this.#isWoken) await this.#sleep();
    }
    await this.#unlessStopped(this.#keeper.written());
  }

  async #turn(): Promise<Turn> {
    try {
      await this.#carryOutRewinds();
      this.#isWoken = false;
      const position = this.#position ?? (await this.#keeper.find()) ?? START;
      this.#position = position;
      return await this.#context.slots.use(() => this.#takePage(position));
    } catch (error) {
      if (!(error instanceof ReceiverError)) throw error;
      // The store is away, and may be back. If it is gone for good, whoever stops us hears of it, too.
      this.#noteFailure(null, error);
      return "failed";
    }
  }

  async #takePage(after: Place): Promise<Turn> {
    const { store, stopping } = this.#context;
    if (stopping.aborted) return "asked";
    const events = await readEvents(store, this.#channel, after);
    if (events.length === 0) {
      this.#noteSuccess(null);
      return "idle";
    }
    let rest = events;
    for (let event = rest[0]; event !== undefined; event = rest[0]) {
      if (stopping.aborted || this.#rewinds.length > 0) return "asked";
      try {
        const count = await this.#unlessStopped(this.#take(event, rest));
        if (count === undefined) return "asked";
        this.#noteTaken(rest[count - 1] ?? event);
        rest = rest.slice(count);
      } catch (error) {
        this.#noteFailure(event, error);
        return "failed";
      }
    }
    return "more";
  }

  /** @returns how many of `events` were taken; `first` is the first of them */
  async #take(first: OutletEvent, events: readonly OutletEvent[]): Promise<number> {
    const { taker, stopped } = this.#context;
    // After a failure it goes alone: what is said of it then is true of it.
    if (taker.takeSome !== undefined && this.#failureCount === 0) {
      return await taker.takeSome(events, stopped);
    }
    await taker.take(first, stopped);
    return 1;
  }

  /** @returns undefined if it was given up; it may fail then without anybody to hear of it */
  async #unlessStopped<T>(act: Promise<T>): Promise<T | undefined> {
    const { stopped } = this.#context;
    const { promise: givenUp, resolve } = Promise.withResolvers<undefined>();
    const giveUp = (): void => resolve(undefined);
    if (stopped.aborted) giveUp();
    stopped.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([act, givenUp]);
    } finally {
      stopped.removeEventListener("abort", giveUp);
    }
  }

  #noteTaken(event: OutletEvent): void {
    this.#position = event.end;
    this.#keeper.note(event.end);
    this.#noteSuccess(event);
  }

  /** @param event null if there is nothing more to take */
  #noteSuccess(event: OutletEvent | null): void {
    if (this.#failureCount >= OUTLET_STUCK_FAILURES) {
      this.#log("outletRecovered", event, { count: this.#failureCount });
    }
    this.#failureCount = 0;
  }

  /**
   * Said from the fifth time on, each time that the number of failures has doubled.
   *
   * @param event null if it could not even be read
   */
  #noteFailure(event: OutletEvent | null, error: unknown): void {
    this.#failureCount += 1;
    const times = this.#failureCount / OUTLET_STUCK_FAILURES;
    if (times < 1 || !Number.isInteger(Math.log2(times))) return;
    const code = error instanceof ReceiverError ? printable(error.code) : foreignCode(error);
    const facts = error instanceof ReceiverError ? error.facts : {};
    this.#log("outletStuck", event, { ...facts, count: this.#failureCount, code });
  }

  #log(
    what: "outletStuck" | "outletRecovered",
    event: OutletEvent | null,
    facts: Parameters<Log["write"]>[1],
  ): void {
    this.#context.log.write(what, {
      outlet: printable(this.#context.taker.name),
      agent: printable(this.#channel.agentName.replace("/", ":")),
      channel: printable(this.#channel.channel),
      ...(event === null
        ? {}
        : { type: printable(event.kind), epoch: event.end.epoch, seq: event.end.seq }),
      ...facts,
    });
  }

  async #carryOutRewinds(): Promise<void> {
    const rewinds = this.#rewinds;
    this.#rewinds = [];
    for (const { to, done, failed } of rewinds) {
      try {
        await this.#keeper.rewind(to);
      } catch (error) {
        failed(error);
        continue;
      }
      this.#position = to;
      done();
    }
  }

  /** Until it is woken. */
  #sleep(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  /** The wait before the next try. A message that comes meanwhile does not shorten it. */
  async #rest(): Promise<void> {
    const { clock, chance, stopping } = this.#context;
    let isOver = false;
    const most = OUTLET_RETRY_MIN_MS * 2 ** Math.min(this.#failureCount - 1, 30);
    const restMs = chance.unit() * Math.min(most, OUTLET_RETRY_MAX_MS);
    using _timer = clock.after(restMs, () => {
      isOver = true;
      this.#wake();
    });
    while (!(isOver || stopping.aborted || this.#rewinds.length > 0)) await this.#sleep();
  }
}
