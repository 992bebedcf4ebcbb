/**
 * Tells the other nodes, by the store, which agents are connected here: what came and went in one call a second at most,
 * and everything that is there every half minute, so that a node that died is known by its silence.
 *
 * @module
 */
import { ReceiverError } from "./errors.ts";
import type { Clock } from "./host/clock.ts";
import { PAGE_MAX_COUNT, PRESENCE_EVERY_MS } from "./limits.ts";
import type { ConsoleStore, LiveSession } from "./store/console.ts";

const GATHER_MS = 1_000;

export class Presence implements AsyncDisposable {
  readonly #store: ConsoleStore;
  readonly #clock: Clock;
  readonly #ends = new DisposableStack();
  readonly #here = new Map<number, number>();
  #came = new Map<number, number>();
  #went = new Map<number, number>();
  #timer: Disposable | undefined;
  #telling: Promise<void> = Promise.resolve();

  constructor(store: ConsoleStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#ends.use(clock.every(PRESENCE_EVERY_MS, () => this.#all()));
  }

  begun(agent: number, session: number): void {
    this.#here.set(agent, session);
    this.#came.set(agent, session);
    this.#soon();
  }

  gone(agent: number, session: number): void {
    if (this.#here.get(agent) === session) this.#here.delete(agent);
    if (this.#came.get(agent) === session) this.#came.delete(agent);
    this.#went.set(agent, session);
    this.#soon();
  }

  /** Whoever is still here is gone with this node. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ends.dispose();
    this.#timer?.[Symbol.dispose]();
    for (const [agent, session] of this.#here) this.#went.set(agent, session);
    this.#came.clear();
    this.#tell();
    await this.#telling;
  }

  #all(): void {
    for (const [agent, session] of this.#here) this.#came.set(agent, session);
    this.#tell();
  }

  #soon(): void {
    if (this.#ends.disposed) return;
    this.#timer ??= this.#clock.after(GATHER_MS, () => this.#tell());
  }

  #tell(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const [came, went] = [this.#came, this.#went].map(sessionsOf);
    this.#came = new Map();
    this.#went = new Map();
    this.#telling = this.#telling.then(() => this.#write(came ?? [], went ?? []));
  }

  /** What is lost on the way is said again in half a minute; a store that is gone ends the process elsewhere (S9). */
  async #write(came: readonly LiveSession[], went: readonly LiveSession[]): Promise<void> {
    const atMs = this.#clock.nowMs();
    const { console: records } = this.#store;
    try {
      for (let from = 0; from < Math.max(came.length, went.length); from += PAGE_MAX_COUNT) {
        const [here, gone] = [came, went].map((all) => all.slice(from, from + PAGE_MAX_COUNT));
        await records.notePresence({ here: here ?? [], gone: gone ?? [], atMs });
      }
    } catch (error) {
      if (!(error instanceof ReceiverError)) throw error;
    }
  }
}

const sessionsOf = (all: ReadonlyMap<number, number>): LiveSession[] =>
  [...all].map(([agent, session]) => ({ agent, session }));
