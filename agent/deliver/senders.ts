/**
 * Every channel of the agent that delivers: opened together, stopped together (03 section 8, 04 section 11), and one by
 * one where the configuration changes.
 *
 * @module
 */
import { DeliveryRecord } from "./delivery-record.ts";
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

/** Where a channel delivers to. */
export type Target =
  | { readonly kind: "mllp-sender"; readonly name: string; readonly settings: SenderSettings }
  | { readonly kind: "folder"; readonly name: string; readonly settings: FolderSettings };

export interface SendersParts extends Omit<SenderParts, "channel" | "settings" | "queue"> {
  /** The store's messages of a channel. */
  queueOf(channel: string): DeliveryQueue;
  /** 03 E8: what exchanges in hand may take when the agent stops. */
  readonly graceMs: number;
}

export interface SendersOptions extends SendersParts {
  /** Those that deliver over MLLP. */
  readonly channels: readonly { readonly name: string; readonly settings: SenderSettings }[];
  /** Those that deliver into a folder. */
  readonly folders: readonly { readonly name: string; readonly settings: FolderSettings }[];
}

export class Senders implements AsyncDisposable {
  readonly #senders = new Map<string, Sender>();
  /** A channel that goes on with other settings goes on counting. */
  readonly #records = new Map<string, DeliveryRecord>();
  readonly #parts: SendersParts;

  constructor(parts: SendersParts) {
    this.#parts = parts;
  }

  get statuses(): readonly SenderStatus[] {
    return [...this.#senders.values()].map(({ status }) => status);
  }

  /** @returns `undefined` if there is no such channel */
  of(channel: string): Sender | undefined {
    return this.#senders.get(channel);
  }

  /**
   * Begins to deliver, from where the queue stands. The far end need not be reachable.
   *
   * @throws {AgentError} `SENDER_TLS_MATERIAL`, or what the queue says
   */
  async open({ name, kind, settings }: Target): Promise<void> {
    const { queueOf, ...parts } = this.#parts;
    const record = this.#records.get(name) ?? new DeliveryRecord();
    const own = { ...parts, channel: name, queue: queueOf(name), record };
    const sender =
      kind === "folder"
        ? FolderSender.open({ ...own, settings })
        : await MllpSender.open({ ...own, settings });
    this.#records.set(name, record);
    this.#senders.set(name, sender);
  }

  /** Finishes what is in hand within the grace; what is left stays in the store. Its place is free when this resolves. */
  async close(name: string): Promise<void> {
    const sender = this.#senders.get(name);
    if (sender === undefined) return;
    const { clock, graceMs } = this.#parts;
    using _budget = clock.after(graceMs, () => sender.abort());
    await sender[Symbol.asyncDispose]();
    this.#senders.delete(name);
  }

  /** Of channels that will not come again. */
  forgetClosed(): void {
    for (const name of this.#records.keys()) {
      if (!this.#senders.has(name)) this.#records.delete(name);
    }
  }

  /** Hangs up on everybody now. */
  abort(): void {
    for (const sender of this.#senders.values()) sender.abort();
  }

  /** What is in hand is finished within the grace; the rest is sent after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, graceMs } = this.#parts;
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
  const { channels, folders, ...parts } = options;
  const senders = new Senders(parts);
  try {
    for (const one of channels) await senders.open({ kind: "mllp-sender", ...one });
    for (const one of folders) await senders.open({ kind: "folder", ...one });
  } catch (error) {
    senders.abort();
    throw error;
  }
  return senders;
}
