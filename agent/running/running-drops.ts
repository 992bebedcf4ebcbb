/** The channels that take files. Their folders need not be there: that is a state of a channel (04 P3). @module */
import { isDeepStrictEqual } from "node:util";
import type { FileDropConfig } from "#config/file-drop.ts";
import { dropRules, dropSettings } from "../drop-options.ts";
import { FolderHand } from "../folders/hand.ts";
import type { ChannelRecord } from "../health/channel-record.ts";
import { FileDrop } from "../ingest/file-drop/file-drop.ts";
import type { Change } from "./change.ts";
import { type Changed, changesOf } from "./channel-set.ts";
import { type LiveChannel, liveChannel } from "./live-channel.ts";
import { closeOwn } from "./own-conditions.ts";
import type { RunningParts } from "./running-parts.ts";

export interface RunningDrop {
  readonly name: string;
  readonly config: FileDropConfig;
  readonly channel: LiveChannel;
  readonly record: ChannelRecord;
  readonly drop: FileDrop;
}

export class RunningDrops {
  readonly #parts: RunningParts;
  readonly #running = new Map<string, RunningDrop>();

  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  get all(): readonly RunningDrop[] {
    return [...this.#running.values()];
  }

  of(name: string): RunningDrop | undefined {
    return this.#running.get(name);
  }

  open(config: FileDropConfig, shareBytes: number): void {
    this.#open(config, liveChannel(config.name, dropRules(config, shareBytes), this.#parts));
  }

  /**
   * What is to be done, one for each channel that changes: a folder is let go before it is taken up with other settings,
   * for both would claim the same files. Where nothing but rules for messages changes, that is done now.
   */
  change(change: Change): (() => Promise<void>)[] {
    const before = this.all.map(({ config }) => config);
    const { added, changed, removed } = changesOf(before, change.next.drops);
    const after = new Map(changed.map((one) => [one.before.name, one.after]));
    const swapped = new Set(changed.filter(isOtherFolder).map((one) => one.before.name));
    for (const one of this.all) {
      if (!swapped.has(one.name)) this.#follow(one, after.get(one.name) ?? one.config, change);
    }
    return [
      ...removed.map(
        ({ name }) =>
          () =>
            this.#swap(name, undefined, change),
      ),
      ...[...swapped].map((name) => () => this.#swap(name, after.get(name), change)),
      ...added.map((config) => () => this.#swap(config.name, config, change)),
    ];
  }

  /** Hangs up on everybody now. */
  abort(): void {
    for (const { drop } of this.all) drop.abort();
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((one) => this.#close(one)));
  }

  #follow(one: RunningDrop, config: FileDropConfig, { shareAfter, undo }: Change): void {
    const { channel, name } = one;
    const { rules } = channel;
    channel.rules = dropRules(config, shareAfter);
    this.#running.set(name, { ...one, config });
    undo.add(() => {
      channel.rules = rules;
      this.#running.set(name, one);
    });
  }

  async #swap(name: string, config: FileDropConfig | undefined, change: Change): Promise<void> {
    const { shareAfter, shareBefore, undo, goOn } = change;
    const old = this.of(name);
    if (old !== undefined) {
      await this.#close(old);
      this.#running.delete(name);
      closeOwn("drop", name, this.#parts.conditions);
      undo.add(() => {
        goOn();
        old.channel.rules = dropRules(old.config, shareBefore);
        this.#open(old.config, old.channel);
      });
    }
    if (config === undefined) {
      if (old !== undefined) this.#parts.doorway.room.forget(old.channel);
      return;
    }
    goOn();
    const rules = dropRules(config, shareAfter);
    const channel = old?.channel ?? liveChannel(name, rules, this.#parts);
    channel.rules = rules;
    const opened = this.#open(config, channel);
    undo.add(async () => {
      await this.#close(opened);
      this.#running.delete(name);
      closeOwn("drop", name, this.#parts.conditions);
    });
  }

  #open(config: FileDropConfig, channel: LiveChannel): RunningDrop {
    const { name } = config;
    const { outbox, doorway, conditions, clock, chance, log, failed } = this.#parts;
    const drop = new FileDrop(
      {
        ...{ channel, settings: dropSettings(config), doorway, log },
        ...{ claims: outbox.files.of(name), openHand: (asked) => FolderHand.open(asked) },
        ...{ conditions, clock, chance },
      },
      (error) => failed(`file-drop.${name}`, error),
    );
    const opened = { name, config, channel, record: channel.record, drop };
    this.#running.set(name, opened);
    return opened;
  }

  /** What is in hand is finished within the grace; the rest is found again when it is opened next. */
  async #close({ drop }: RunningDrop): Promise<void> {
    const { clock, graceMs } = this.#parts;
    using _budget = clock.after(graceMs, () => drop.abort());
    await drop[Symbol.asyncDispose]();
  }
}

const isOtherFolder = ({ before, after }: Changed<FileDropConfig>): boolean =>
  !isDeepStrictEqual(dropSettings(before), dropSettings(after));
