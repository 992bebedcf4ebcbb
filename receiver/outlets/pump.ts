/**
 * One outlet that hands on by itself: a pump for each channel of each agent, woken when something
 * arrives, and a look at all of them every few seconds for what other nodes stored.
 *
 * @module
 */
import { ReceiverError } from "../errors.ts";
import type { Chance, Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import { DRAIN_MAX_MS, OUTLET_SWEEP_MS } from "../limits.ts";
import { isReserved } from "../served-channels.ts";
import type { OutletStore, Place } from "../store/outlets.ts";
import type { AgentRecord, ChannelRecord, Store } from "../store/store.ts";
import { allAgents, allChannels } from "../store/walk.ts";
import type { Arrivals } from "./arrivals.ts";
import { ChannelPump, type PumpContext, type Taker } from "./channel-pump.ts";
import { comparePlaces, type OutletChannel } from "./event.ts";
import { findChannel } from "./find-channel.ts";
import { Slots } from "./slots.ts";

/** What outlets are made of. */
export interface OutletContext {
  readonly store: Store & OutletStore;
  readonly arrivals: Arrivals;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

export interface PumpOptions {
  /** Null for all. */
  readonly channels: readonly string[] | null;
  /** How many channels are handed on at the same time. */
  readonly channelsAtOnce: number;
}

/** A channel of an agent, by name. */
export interface NamedChannel {
  readonly tenant: string;
  readonly name: string;
  readonly channel: string;
}

export class Pump implements AsyncDisposable {
  readonly #context: PumpContext;
  readonly #only: ReadonlySet<string> | null;
  readonly #pumps = new Map<string, ChannelPump>();
  readonly #stopping = new AbortController();
  readonly #stopped = new AbortController();
  readonly #ends = new DisposableStack();
  #sweep: Promise<void> | undefined;
  #isSweepDue = false;

  private constructor(taker: Taker, context: OutletContext, options: PumpOptions) {
    const { arrivals, ...shared } = context;
    this.#only = options.channels === null ? null : new Set(options.channels);
    this.#context = {
      ...shared,
      taker,
      slots: new Slots(options.channelsAtOnce),
      stopping: this.#stopping.signal,
      stopped: this.#stopped.signal,
    };
    this.#ends.use(
      arrivals.listen((agent, channel) => {
        if (!this.#serves(channel)) return;
        const pump = this.#pumps.get(keyOf(agent, channel));
        if (pump === undefined) this.#sweepSoon();
        else pump.wake();
      }),
    );
    // It has failed for good: nothing more can be read, nor be written down.
    void context.store.failed.then(() => this.#stopping.abort());
    this.#ends.use(context.clock.every(OUTLET_SWEEP_MS, () => this.#sweepSoon()));
  }

  /** Hands on from where each channel stands. @throws {ReceiverError} if the store cannot be read */
  static async open(taker: Taker, context: OutletContext, options: PumpOptions): Promise<Pump> {
    const pump = new Pump(taker, context, options);
    await pump.#lookAtAll();
    return pump;
  }

  /**
   * Makes the outlet go on behind `to`, which may lie before what it has taken.
   *
   * @returns false if there is no such channel, or it is not one of this outlet
   * @throws {RangeError} if `to` lies behind everything that the channel holds
   */
  async rewind({ tenant, name, channel }: NamedChannel, to: Place): Promise<boolean> {
    const found = await findChannel(this.#context.store, { tenant, name }, channel);
    if (found === undefined || !this.#serves(channel)) return false;
    if (comparePlaces(to, found.head) > 0) {
      throw new RangeError("Cannot go ahead of what is stored: messages would be missed");
    }
    const pump = this.#pumpOf(found);
    await pump.rewind(to);
    return true;
  }

  /** What is under way may end, for some seconds; positions are written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ends.dispose();
    this.#stopping.abort();
    using _late = this.#context.clock.after(DRAIN_MAX_MS, () => this.#stopped.abort());
    await this.#sweep;
    const pumps = [...this.#pumps.values()];
    for (const pump of pumps) pump.wake();
    await Promise.all(pumps.map((pump) => pump.closed));
    this.#stopped.abort();
  }

  #serves(channel: string): boolean {
    return this.#only?.has(channel) ?? !isReserved(channel);
  }

  /** One look at a time; what comes during one leads to one more. */
  #sweepSoon(): void {
    this.#isSweepDue = true;
    this.#sweep ??= this.#sweepWhileDue().finally(() => {
      this.#sweep = undefined;
    });
  }

  async #sweepWhileDue(): Promise<void> {
    try {
      while (this.#isSweepDue && !this.#stopping.signal.aborted) {
        this.#isSweepDue = false;
        await this.#lookAtAll();
      }
    } catch (error) {
      // The store is away, and the next look finds it; or it is gone, and with it soon the process (S9).
      if (!(error instanceof ReceiverError)) throw error;
    }
  }

  async #lookAtAll(): Promise<void> {
    const { store } = this.#context;
    for await (const agent of allAgents(store)) {
      for await (const channel of allChannels(store, agent.id)) {
        if (this.#stopping.signal.aborted) return;
        if (this.#serves(channel.channel)) this.#meet(agent, channel);
      }
    }
  }

  #meet(agent: AgentRecord, { channel, epoch, lastSeq }: ChannelRecord): void {
    const agentName = `${agent.tenant}/${agent.name}`;
    this.#pumpOf({ agent: agent.id, agentName, channel }).notice({ epoch, seq: lastSeq });
  }

  #pumpOf(channel: OutletChannel): ChannelPump {
    const key = keyOf(channel.agent, channel.channel);
    const known = this.#pumps.get(key);
    if (known !== undefined) return known;
    const pump = new ChannelPump(channel, this.#context);
    this.#pumps.set(key, pump);
    return pump;
  }
}

function keyOf(agent: number, channel: string): string {
  return `${agent} ${channel}`;
}
