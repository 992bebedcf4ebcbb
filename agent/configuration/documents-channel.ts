/**
 * The reserved downstream channel on which documents come (06 TP35): stored like any message, and judged after that.
 *
 * One that was judged and whose settling was lost in a crash is judged again: that is harmless, for the second judgement
 * knows of the first.
 *
 * @module
 */
import { ENVELOPE_MAX_BYTES } from "#documents/limits.ts";
import type { Delivery, DeliveryQueue } from "../deliver/queue.ts";
import { AgentError } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { DocumentOutcome } from "./outcomes.ts";

/** No hospital system has a channel of this name. */
export const DOCUMENTS_CHANNEL = "$documents";
const AGAIN_MS = 5_000;
const SLICE_BYTES = 262_144;

export interface DocumentsChannelParts {
  readonly queue: DeliveryQueue;
  /** @throws {AgentError} it may come again */
  readonly take: (envelope: Uint8Array) => Promise<DocumentOutcome>;
  readonly clock: Clock;
  readonly log: Log;
}

export class DocumentsChannel implements AsyncDisposable {
  readonly #parts: DocumentsChannelParts;
  readonly #arrival: Disposable;
  #again: Timer | undefined;
  #working: Promise<void> | undefined;
  #isDue = false;
  #isClosed = false;

  /** What waited is taken at once. */
  constructor(parts: DocumentsChannelParts) {
    this.#parts = parts;
    this.#arrival = parts.queue.onArrival(() => this.#look());
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#arrival[Symbol.dispose]();
    this.#again?.[Symbol.dispose]();
    await this.#working;
  }

  #look(): void {
    this.#isDue = true;
    if (this.#working !== undefined || this.#isClosed) return;
    this.#working = this.#takeAll()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#working = undefined;
        if (this.#isDue && this.#again === undefined) this.#look();
      });
  }

  async #takeAll(): Promise<void> {
    const { queue, take } = this.#parts;
    while (!this.#isClosed) {
      this.#isDue = false;
      const next = await queue.next();
      if (next === undefined) {
        if (this.#isDue) continue;
        return;
      }
      const envelope = await this.#read(next);
      if (envelope !== undefined) await take(envelope);
      const settled =
        envelope === undefined
          ? ({ kind: "quarantined", reason: "damaged", flags: [], reply: undefined } as const)
          : ({ kind: "accepted", flags: [], reply: undefined } as const);
      await queue.settle(next.id, settled);
    }
  }

  /** No more of it than it takes to see that it is too large. @returns `undefined` for what is damaged */
  async #read({ id, bytes }: Delivery): Promise<Uint8Array | undefined> {
    const { queue } = this.#parts;
    const length = Math.min(bytes, ENVELOPE_MAX_BYTES + 1);
    const envelope = new Uint8Array(length);
    try {
      for (let at = 0; at < length; ) {
        const part = await queue.body(id, at, Math.min(SLICE_BYTES, length - at));
        envelope.set(part, at);
        at += part.length;
      }
      return envelope;
    } catch (error) {
      if (error instanceof AgentError && error.code === "STORE_BODY_DAMAGED") return undefined;
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return;
    const { clock, log } = this.#parts;
    const fault =
      error instanceof AgentError ? error : new AgentError("AGENT_DEFECT", {}, { cause: error });
    log.fault("configFailed", fault);
    this.#again = clock.after(AGAIN_MS, () => {
      this.#again = undefined;
      this.#look();
    });
  }
}
