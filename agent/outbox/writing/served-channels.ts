/** The channels that the configuration names, in the store: at its start, and whenever that changes. @module */
import { type ChannelTail, ensureChannel, type StoreChannel } from "../epochs/channel-tails.ts";
import type { Prepared } from "./prepared.ts";

interface NamedChannels {
  readonly prepared: Prepared;
  /** By channel. */
  readonly quarantineMaxBytes: Map<number, number>;
}

/** A store that is open. */
interface OpenStore extends NamedChannels {
  readonly tails: ReadonlyMap<number, ChannelTail>;
  inTransaction(work: () => void): void;
  reload(): void;
}

/** Each has a row and its first epoch from now on; inside the caller's transaction. */
export function ensureChannels(
  { prepared, quarantineMaxBytes }: NamedChannels,
  channels: readonly StoreChannel[],
): void {
  quarantineMaxBytes.clear();
  for (const { name, quarantineMaxBytes: most } of channels) {
    const channel = ensureChannel(prepared, name);
    if (most !== undefined) quarantineMaxBytes.set(channel, most);
  }
}

/**
 * The same while the store is open; durable when this returns. A channel that is not named any more keeps its rows,
 * for its messages must leave.
 *
 * @throws what the transaction throws; nothing is new then
 */
export function serveChannels(store: OpenStore, channels: readonly StoreChannel[]): void {
  const known = new Set([...store.tails.values()].map(({ name }) => name));
  if (channels.every(({ name }) => known.has(name))) {
    ensureChannels(store, channels);
    return;
  }
  const before = [...store.quarantineMaxBytes];
  try {
    store.inTransaction(() => ensureChannels(store, channels));
  } catch (error) {
    store.quarantineMaxBytes.clear();
    for (const [channel, most] of before) store.quarantineMaxBytes.set(channel, most);
    throw error;
  }
  store.reload();
}
