/**
 * Every channel of the agent that delivers: opened together, stopped together (03 section 8, 04 section 11).
 *
 * @module
 */
import { FolderSender, type FolderSenderStatus } from "./folder-sender.ts";
import type { FolderSettings } from "./folder-settings.ts";
import { MllpSender, type MllpSenderStatus, type SenderParts } from "./mllp-sender.ts";
import type { DeliveryQueue } from "./queue.ts";
import type { SenderSettings } from "./sender-settings.ts";

export type SenderStatus = MllpSenderStatus | FolderSenderStatus;

/** A channel that delivers, whatever it delivers to. */
export interface Sender extends AsyncDisposable {
  readonly status: SenderStatus;
  /** @returns false if the channel is not held */
  release(decision: "retry" | "quarantine"): boolean;
  abort(): void;
}

export interface SendersOptions extends Omit<SenderParts, "channel" | "settings" | "queue"> {
  /** Those that deliver over MLLP. */
  readonly channels: readonly { readonly name: string; readonly settings: SenderSettings }[];
  /** Those that deliver into a folder. */
  readonly folders: readonly { readonly name: string; readonly settings: FolderSettings }[];
  /** The store's messages of a channel. */
  queueOf(channel: string): DeliveryQueue;
  /** 03 E8: what exchanges in hand may take when the agent stops. */
  readonly graceMs: number;
}

export class Senders implements AsyncDisposable {
  readonly #senders: ReadonlyMap<string, Sender>;
  readonly #options: SendersOptions;

  constructor(senders: ReadonlyMap<string, Sender>, options: SendersOptions) {
    this.#senders = senders;
    this.#options = options;
  }

  get statuses(): readonly SenderStatus[] {
    return [...this.#senders.values()].map(({ status }) => status);
  }

  /** @returns `undefined` if there is no such channel */
  of(channel: string): Sender | undefined {
    return this.#senders.get(channel);
  }

  /** Hangs up on everybody now. */
  abort(): void {
    for (const sender of this.#senders.values()) sender.abort();
  }

  /** What is in hand is finished within the grace; the rest is sent after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, graceMs } = this.#options;
    using _budget = clock.after(graceMs, () => this.abort());
    await Promise.all([...this.#senders.values()].map((one) => one[Symbol.asyncDispose]()));
  }
}

/**
 * Opens a sender for each channel. Hospital systems and folders need not be reachable.
 *
 * @throws {AgentError} `SENDER_TLS_MATERIAL`, or what a queue says; nothing stays open
 */
export async function openSenders(options: SendersOptions): Promise<Senders> {
  const { channels, folders, queueOf, ...parts } = options;
  const senders = new Map<string, Sender>();
  try {
    for (const { name, settings } of channels) {
      const sender = { ...parts, channel: name, settings, queue: queueOf(name) };
      senders.set(name, await MllpSender.open(sender));
    }
    for (const { name, settings } of folders) {
      const sender = { ...parts, channel: name, settings, queue: queueOf(name) };
      senders.set(name, FolderSender.open(sender));
    }
  } catch (error) {
    for (const sender of senders.values()) sender.abort();
    throw error;
  }
  return new Senders(senders, options);
}
