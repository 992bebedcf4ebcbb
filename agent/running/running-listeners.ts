/**
 * The channels that listen. When they change, a port that stays is not closed for an instant; one that moves from a
 * channel to another is closed and opened in the same breath.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { ChannelConfig } from "#config/local.ts";
import { channelRules, listenerSettings } from "../channel-options.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import { MllpListener } from "../ingest/mllp/listener.ts";
import type { Change } from "./change.ts";
import { changesOf } from "./channel-set.ts";
import { type LiveChannel, liveChannel } from "./live-channel.ts";
import { noteOpenness } from "./openness.ts";
import { closeOwn } from "./own-conditions.ts";
import type { RunningParts } from "./running-parts.ts";

export interface RunningListener {
  readonly config: ChannelConfig;
  readonly channel: LiveChannel;
  readonly record: ChannelRecord;
  readonly listener: MllpListener;
}

/** Whether one may not be opened before the other is closed. Hosts of one port may mean the same address. */
export const collides = (one: ChannelConfig, other: ChannelConfig): boolean =>
  one.port === other.port && one.port !== 0;

export class RunningListeners {
  readonly #parts: RunningParts;
  readonly #running = new Map<string, RunningListener>();
  /** Closed, and what was read is still being answered; until it is. */
  readonly #closing = new Map<RunningListener, Promise<void>>();

  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  get all(): readonly RunningListener[] {
    return [...this.#running.values()];
  }

  of(name: string): RunningListener | undefined {
    return this.#running.get(name);
  }

  /** @throws {AgentError} `LISTEN_*` */
  async open(config: ChannelConfig, shareBytes: number): Promise<void> {
    const rules = channelRules(config, shareBytes);
    await this.#open(config, liveChannel(config.name, rules, this.#parts), false);
  }

  /** @throws {AgentError} `LISTEN_*`; what was done until then is in `undo` */
  async change(change: Change): Promise<void> {
    const { next, shareAfter } = change;
    const before = this.all.map(({ config }) => config);
    const { added, changed, removed } = changesOf(before, next.channels);
    const moved = changed.filter(({ before: old, after }) => !isSamePlace(old, after));
    const leaving = [...removed, ...moved.map((one) => one.before)].flatMap(
      ({ name }) => this.of(name) ?? [],
    );
    const coming = [...added, ...moved.map(({ after }) => after)];
    const isLate = (config: ChannelConfig): boolean =>
      leaving.some((old) => collides(old.config, config));
    const channelOf = ({ name }: ChannelConfig): LiveChannel | undefined =>
      leaving.find(({ config }) => config.name === name)?.channel;
    for (const config of coming.filter((one) => !isLate(one))) {
      await this.#come(config, channelOf(config), change);
    }
    for (const one of leaving) this.#go(one, change);
    for (const config of coming.filter(isLate)) {
      await this.#come(config, channelOf(config), change);
    }
    for (const { before: old, after } of changed) {
      if (isSamePlace(old, after)) this.#alter(after, change);
    }
    for (const { config, channel } of this.all) {
      const { rules } = channel;
      channel.rules = channelRules(config, shareAfter);
      change.undo.add(() => {
        channel.rules = rules;
      });
    }
  }

  /** Ports that the service manager holds for others than those that listen refuse whoever comes. */
  refuseOnOthers(): void {
    const { sockets, log } = this.#parts;
    const configs = this.all.map(({ config }) => config);
    const fault = sockets?.unclaimed(configs);
    if (fault !== undefined) log.write("socketUnclaimed", fault.facts);
    sockets?.refuseOnOthers(configs);
  }

  /** Hangs up on everybody now. */
  abort(): void {
    for (const { listener } of [...this.all, ...this.#closing.keys()]) listener.abort("hangUp");
  }

  async close(): Promise<void> {
    await Promise.all([...this.all.map((one) => this.#close(one)), ...this.#closing.values()]);
  }

  /** Opened beside what leaves; of one that moves, the same channel has two ports for a moment. */
  async #come(
    config: ChannelConfig,
    known: LiveChannel | undefined,
    { undo, shareAfter, goOn }: Change,
  ): Promise<void> {
    goOn();
    const { name } = config;
    const beside = this.of(name);
    const rules = channelRules(config, shareAfter);
    const channel = known ?? liveChannel(name, rules, this.#parts);
    const opened = await this.#open(config, channel, false);
    undo.add(async () => {
      const isLast = this.of(name) === opened;
      if (isLast && beside !== undefined) this.#running.set(name, beside);
      else if (isLast) this.#forget(opened);
      await this.#close(opened);
    });
  }

  /** Its port is closed when this returns. */
  #go(one: RunningListener, { undo, ending, goOn }: Change): void {
    if (this.of(one.config.name) === one) this.#forget(one);
    ending.push(this.#close(one));
    undo.add(async () => {
      goOn();
      await this.#open(one.config, one.channel, true);
    });
  }

  #forget({ config: { name }, channel }: RunningListener): void {
    this.#running.delete(name);
    closeOwn("listener", name, this.#parts.conditions);
    this.#parts.doorway.room.forget(channel);
  }

  /** On the same port. */
  #alter(config: ChannelConfig, { undo, ending }: Change): void {
    const old = this.of(config.name);
    if (old === undefined) return;
    const { graceMs } = this.#parts;
    const to = (one: ChannelConfig): void => {
      const settings = listenerSettings(one);
      const isOther = !isDeepStrictEqual(
        settings,
        listenerSettings(this.of(one.name)?.config ?? one),
      );
      if (isOther) ending.push(old.listener.change(settings, graceMs));
      this.#running.set(one.name, { ...old, config: one });
      noteOpenness(one, this.#parts);
    };
    to(config);
    undo.add(() => to(old.config));
  }

  async #open(
    config: ChannelConfig,
    channel: LiveChannel,
    isPatient: boolean,
  ): Promise<RunningListener> {
    const { doorway, conditions, clock, log, sockets } = this.#parts;
    const settings = listenerSettings(config);
    const options = { channel, settings, doorway, conditions, clock, log, sockets };
    const listener = await (isPatient
      ? MllpListener.openPatiently(options)
      : MllpListener.open(options));
    const opened = { config, channel, record: channel.record, listener };
    this.#running.set(config.name, opened);
    noteOpenness(config, this.#parts);
    return opened;
  }

  /** 03 E8: a budget for what was read, then hang up. */
  #close(one: RunningListener): Promise<void> {
    const known = this.#closing.get(one);
    if (known !== undefined) return known;
    const closed = this.#finish(one).finally(() => this.#closing.delete(one));
    this.#closing.set(one, closed);
    return closed;
  }

  async #finish({ listener }: RunningListener): Promise<void> {
    const { clock, graceMs } = this.#parts;
    using _budget = clock.after(graceMs, () => listener.abort("stopping"));
    await listener[Symbol.asyncDispose]();
  }
}

const isSamePlace = (one: ChannelConfig, other: ChannelConfig): boolean =>
  one.host === other.host && one.port === other.port;
