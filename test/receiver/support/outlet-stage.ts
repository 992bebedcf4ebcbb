/**
 * A store with one agent, and what outlets need beside it.
 *
 * @module
 */
import { systemClock } from "#receiver/host/clock.ts";
import type { Log } from "#receiver/host/log.ts";
import { Arrivals, noting } from "#receiver/outlets/arrivals.ts";
import type { Taker } from "#receiver/outlets/channel-pump.ts";
import type { OutletChannel, OutletEvent } from "#receiver/outlets/event.ts";
import { type OutletContext, Pump, type PumpOptions } from "#receiver/outlets/pump.ts";
import type { OutletStore } from "#receiver/store/outlets.ts";
import { openSqliteStore } from "#receiver/store/sqlite/sqlite-store.ts";
import type { Store } from "#receiver/store/store.ts";
import type { LogLine } from "./receiver-folder.ts";
import { Caller } from "./store-suite.ts";
import { temporaryFolder } from "./temporary-store.ts";

export class OutletStage implements AsyncDisposable {
  readonly store: Store & OutletStore;
  readonly arrivals = new Arrivals();
  readonly logged: LogLine[] = [];
  readonly context: OutletContext;
  readonly caller: Caller;
  readonly channel: OutletChannel;
  readonly #ends: AsyncDisposableStack;

  private constructor(
    store: Store & OutletStore,
    arrivals: Arrivals,
    caller: Caller,
    ends: AsyncDisposableStack,
  ) {
    this.store = store;
    this.arrivals = arrivals;
    this.caller = caller;
    this.channel = { agent: caller.agent, agentName: "north/ward-1", channel: "adt" };
    this.#ends = ends;
    const log: Log = {
      write: (event, facts) => void this.logged.push({ event, facts }),
      fault: (event, error) => void this.logged.push({ event, facts: error.facts }),
    };
    // Delays of at most 300 ms: a test has no minutes.
    const chance = { unit: () => 0.001 };
    this.context = { store, arrivals, clock: systemClock, chance, log };
  }

  /** Channel `adt` of `north/ward-1` is open in epoch 1. */
  static async open(): Promise<OutletStage> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(temporaryFolder());
    const arrivals = new Arrivals();
    const store = noting(stack.use(await openSqliteStore(folder.file)), arrivals);
    const caller = await Caller.greet(store);
    await caller.open(1n);
    return new OutletStage(store, arrivals, caller, stack.move());
  }

  pump(taker: Taker, options: Partial<PumpOptions> = {}): Promise<Pump> {
    return Pump.open(taker, this.context, { channels: null, channelsAtOnce: 4, ...options });
  }

  /** Where an outlet stands in `adt`, as text. */
  async position(outlet: string): Promise<string | null> {
    const { agent } = this.caller;
    const place = await this.store.findPosition({ outlet, agent, channel: "adt" });
    return place === null ? null : `${place.epoch}.${place.seq}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ends.disposeAsync();
  }
}

/** An event in few letters: `1.2:body`, or `1.3-5 quarantined`. */
export async function textOfEvent(event: OutletEvent): Promise<string> {
  if (event.kind === "gap") {
    return `${event.epoch}.${event.firstSeq}-${event.lastSeq} ${event.reason}`;
  }
  const flag = event.possibleRepeat ? "?" : "";
  return `${event.epoch}.${event.seq}${flag}:${Buffer.from(await event.body()).toString("latin1")}`;
}
