/**
 * The channels that run: those that listen, those that take files, those that deliver.
 *
 * @module
 */
import { openSenders, type Senders } from "../deliver/senders.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import { folderSettings, senderSettings } from "../sender-options.ts";
import { type ChannelSet, shareOf } from "./channel-set.ts";
import { closeDrop, openDrop, type RunningDrop } from "./running-drop.ts";
import { closeListener, openListener, type RunningListener } from "./running-listener.ts";
import type { RunningParts } from "./running-parts.ts";

export class RunningChannels implements AsyncDisposable {
  readonly senders: Senders;
  readonly #parts: RunningParts;
  readonly #set: ChannelSet;
  readonly #listeners: RunningListener[] = [];
  readonly #drops: RunningDrop[] = [];

  private constructor(set: ChannelSet, senders: Senders, parts: RunningParts) {
    this.#set = set;
    this.senders = senders;
    this.#parts = parts;
  }

  /** @throws {AgentError} the first channel that could not be opened; nothing stays open */
  static async open(set: ChannelSet, parts: RunningParts): Promise<RunningChannels> {
    await using opening = new AsyncDisposableStack();
    const senders = opening.use(await sendersOf(set, parts));
    const running = opening.use(new RunningChannels(set, senders, parts));
    const shareBytes = shareOf(parts.diskBudgetBytes, set);
    for (const channel of set.channels) {
      running.#listeners.push(await openListener(channel, shareBytes, parts));
    }
    for (const drop of set.drops) running.#drops.push(openDrop(drop, shareBytes, parts));
    opening.move();
    return running;
  }

  /** What runs. */
  get set(): ChannelSet {
    return this.#set;
  }

  get listeners(): readonly RunningListener[] {
    return this.#listeners;
  }

  get drops(): readonly RunningDrop[] {
    return this.#drops;
  }

  /** Of a channel that takes messages from a hospital system. */
  recordOf(name: string): ChannelRecord | undefined {
    const listener = this.#listeners.find(({ config }) => config.name === name);
    return (listener ?? this.#drops.find((one) => one.name === name))?.record;
  }

  /** Hangs up on everybody now. A disposal under way goes on faster. */
  abort(): void {
    for (const { listener } of this.#listeners) listener.abort("hangUp");
    for (const { drop } of this.#drops) drop.abort();
    this.senders.abort();
  }

  /** Takes no more messages, answers what was read, then finishes what is being delivered. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      ...this.#listeners.map((one) => closeListener(one, this.#parts)),
      ...this.#drops.map((one) => closeDrop(one, this.#parts)),
    ]);
    await this.senders[Symbol.asyncDispose]();
  }
}

function sendersOf(set: ChannelSet, parts: RunningParts): Promise<Senders> {
  const { outbox, graceMs, log, tasks, clock, chance, conditions } = parts;
  return openSenders({
    ...{ log, tasks, clock, chance, conditions, graceMs },
    channels: set.senders.map((one) => ({ name: one.name, settings: senderSettings(one) })),
    folders: set.folderSenders.map((one) => ({ name: one.name, settings: folderSettings(one) })),
    queueOf: (channel) => outbox.inbox.queueOf(channel),
  });
}
