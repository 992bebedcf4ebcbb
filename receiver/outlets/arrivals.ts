/**
 * Says when something new lies in a channel, so that nobody has to look all the time. Nothing rests
 * on it: what another node stored is found by looking, a little later.
 *
 * @module
 */
import type { Store } from "../store/store.ts";

type Listener = (agent: number, channel: string) => void;

export class Arrivals {
  readonly #listeners = new Set<Listener>();

  /** @returns what ends it */
  listen(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Waits for something new in one channel, or for `signal`; what it was is for the caller to see. */
  async next(agent: number, channel: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _listening = this.listen((newAgent, newChannel) => {
      if (newAgent === agent && newChannel === channel) resolve();
    });
    if (signal.aborted) return;
    const ended = (): void => resolve();
    signal.addEventListener("abort", ended, { once: true });
    await promise;
    signal.removeEventListener("abort", ended);
  }

  note(agent: number, channel: string): void {
    for (const listener of this.#listeners) listener(agent, channel);
  }
}

const WRITES: ReadonlySet<PropertyKey> = new Set([
  "open",
  "ingest",
  "skip",
] satisfies (keyof Store)[]);

interface WriteCall {
  readonly agent: number;
  readonly channel: string;
}

/**
 * @returns `store`, in everything; what it stores of a channel is noted once that is durable. A proxy,
 *   because a store has many calls and only three of them matter here
 */
export function noting<S extends Store>(store: S, arrivals: Arrivals): S {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (!WRITES.has(key)) return value.bind(target);
      return async (call: WriteCall) => {
        const result = await Reflect.apply(value, target, [call]);
        if (result.kind === "ok") arrivals.note(call.agent, call.channel);
        return result;
      };
    },
  });
}
