/**
 * Tells the connections of this node that something was enqueued for their agents: at once what this node
 * took itself, and by looking what another node took.
 *
 * @module
 */
import { ReceiverError } from "../errors.ts";
import type { Clock } from "../host/clock.ts";
import type { OutgoingStore } from "../store/outgoing.ts";

const LOOK_EVERY_MS = 500;

export interface WakerOptions {
  readonly store: OutgoingStore;
  readonly clock: Clock;
  /** Something lies there for an agent that may be connected here. */
  readonly wake: (agent: number) => void;
}

export class Waker implements Disposable {
  readonly #options: WakerOptions;
  readonly #ends = new DisposableStack();
  /** Everything up to here was told. */
  #lastId = 0;
  #isLooking = false;
  #isLookDue = false;

  private constructor(options: WakerOptions, lastId: number) {
    this.#options = options;
    this.#lastId = lastId;
    this.#ends.use(options.clock.every(LOOK_EVERY_MS, () => this.look()));
  }

  /** What was enqueued before, connections find by themselves when they begin. */
  static async open(options: WakerOptions): Promise<Waker> {
    const { lastId } = await options.store.enqueuedSince(null);
    return new Waker(options, lastId);
  }

  /** One look at a time; what comes during one leads to one more. */
  look(): void {
    this.#isLookDue = true;
    if (this.#isLooking || this.#ends.disposed) return;
    this.#isLooking = true;
    this.#lookWhileDue().then(
      () => {
        this.#isLooking = false;
      },
      (error: unknown) => {
        this.#isLooking = false;
        // A database that is away is asked again; a store that is gone ends the process (S9).
        if (!(error instanceof ReceiverError)) throw error;
      },
    );
  }

  [Symbol.dispose](): void {
    this.#ends.dispose();
  }

  async #lookWhileDue(): Promise<void> {
    while (this.#isLookDue && !this.#ends.disposed) {
      this.#isLookDue = false;
      const { lastId, agents } = await this.#options.store.enqueuedSince(this.#lastId);
      for (const agent of agents) this.#options.wake(agent);
      // A page that was full has another one behind it.
      if (lastId > this.#lastId) this.#isLookDue = true;
      this.#lastId = lastId;
    }
  }
}

/** @returns `store`, in everything; `enqueued` is called once a message is durable */
export function telling<S extends OutgoingStore>(store: S, enqueued: () => void): S {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== ("enqueue" satisfies keyof OutgoingStore)) return value.bind(target);
      return async (call: unknown) => {
        const result: unknown = await Reflect.apply(value, target, [call]);
        enqueued();
        return result;
      };
    },
  });
}
