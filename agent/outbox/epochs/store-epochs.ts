/** The epochs of every channel, as the main thread knows them: in step with what it hears of commits. @module */
import type { ChannelTail } from "./channel-tails.ts";
import type {
  EpochNotice,
  EpochQuestions,
  PeekedMessage,
  RefusedMessage,
  RefusedVerdict,
  Retained,
  SinkPosition,
  SkipRange,
  SkipVerdict,
  UnreadableMessage,
} from "./epoch-messages.ts";

/** Called when a channel has moved to a new epoch: seqs that are heard of from now on are of that one. */
export type EpochListener = (tail: ChannelTail) => void;

/** The writer thread, as far as epochs go. */
export interface EpochWriter {
  ask<Name extends keyof EpochQuestions>(
    name: Name,
    ask: EpochQuestions[Name]["ask"],
  ): Promise<EpochQuestions[Name]["answer"]>;
}

export class StoreEpochs {
  readonly #writer: EpochWriter;
  readonly #postProgress: () => void;
  readonly #tails = new Map<number, ChannelTail>();
  readonly #listeners: EpochListener[] = [];
  readonly #channelListeners: ((tail: ChannelTail) => void)[] = [];

  /** @param postProgress hands over what the receiver has confirmed */
  constructor(writer: EpochWriter, channels: readonly ChannelTail[], postProgress: () => void) {
    this.#writer = writer;
    this.#postProgress = postProgress;
    for (const tail of channels) this.#tails.set(tail.channel, tail);
  }

  /** Whether a channel's messages are numbered in this epoch now. */
  isCurrent(channel: number, epoch: bigint): boolean {
    return this.#tails.get(channel)?.epoch === epoch;
  }

  /** Every channel as it stood when its current epoch was heard of: at the opening, or later. */
  get tails(): readonly ChannelTail[] {
    return [...this.#tails.values()];
  }

  onEpoch(listener: EpochListener): void {
    this.#listeners.push(listener);
  }

  /** Calls `listener` for each channel that comes while the store is open, before anything is appended to it. */
  onChannel(listener: (tail: ChannelTail) => void): void {
    this.#channelListeners.push(listener);
  }

  /**
   * The receiver's history and ours have parted (06 TP18): everything unsettled of `epoch` and of later ones
   * is appended again in a new epoch, whose beginning `onEpoch` tells. Durable when this resolves.
   *
   * @param sink where the receiver stands
   * @returns false if that epoch has ended here already
   * @throws {AgentError} `CHANNEL_PARTED` if there is no number for another epoch; one of `STORE_*`
   */
  part(channel: number, epoch: bigint, sink: SinkPosition): Promise<boolean> {
    this.#postProgress();
    return this.#writer.ask("part", { channel, epoch, sink });
  }

  /** How far back an epoch can be sent again (06 TP37). */
  retained(channel: number, epoch: bigint): Promise<Retained> {
    return this.#writer.ask("retained", { channel, epoch });
  }

  /**
   * The unsettled messages from `firstSeq` on that cannot be read, as far as one lies behind another.
   *
   * @returns in order, at most `maxCount`; empty if the first can be read
   */
  unreadable(
    from: Omit<SkipRange, "lastSeq">,
    maxCount: number,
  ): Promise<readonly UnreadableMessage[]> {
    return this.#writer.ask("unreadable", { ...from, maxCount });
  }

  /** The beginning of a message, of any epoch; `undefined` if it is not here any more, or cannot be read. */
  peek(
    place: { readonly channel: number; readonly epoch: bigint; readonly seq: bigint },
    maxBytes: number,
  ): Promise<PeekedMessage | undefined> {
    return this.#writer.ask("peek", { ...place, maxBytes });
  }

  /**
   * Gives up messages that cannot be read: they are noted as lost, and the relay skips them (06 TP31). Where
   * the chain cannot go on behind them, `onEpoch` tells of a new epoch. Durable when this resolves.
   *
   * @throws {AgentError} one of `STORE_*`
   */
  skipDamaged(range: SkipRange): Promise<SkipVerdict> {
    this.#postProgress();
    return this.#writer.ask("skipDamaged", range);
  }

  /**
   * A message that the receiver will never take goes to quarantine, and its seq is skipped from now on (06
   * TP30). Durable when this resolves; the same again changes nothing.
   *
   * @throws {AgentError} one of `STORE_*`
   */
  setAsideRefused(message: RefusedMessage): Promise<RefusedVerdict> {
    return this.#writer.ask("setAsideRefused", message);
  }

  /** Whether a damaged message was given up at or before `seq`. */
  hasGap(channel: number, epoch: bigint, seq: bigint): Promise<boolean> {
    return this.#writer.ask("hasGap", { channel, epoch, seq });
  }

  /** The writer has told of all channels that there are. */
  found(tails: readonly ChannelTail[]): void {
    for (const tail of tails.filter(({ channel }) => !this.#tails.has(channel))) {
      this.#tails.set(tail.channel, tail);
      for (const listener of this.#channelListeners) listener(tail);
    }
  }

  /** The writer has told of a new epoch. */
  begun({ tail }: Extract<EpochNotice, { notice: "epochBegun" }>): void {
    this.#tails.set(tail.channel, tail);
    for (const listener of this.#listeners) listener(tail);
  }
}
