/** Appends that wait for their commit, in order, with the moment each one's patience ends (03 A9). @module */
import { AgentError } from "../../errors.ts";
import type { Clock, Timer } from "../../host/clock.ts";

/** What an append came to. Positive only after the commit was flushed (03 A1). */
export type AppendOutcome =
  | {
      readonly kind: "stored";
      readonly id: number;
      readonly seq: bigint;
      readonly controlIdReused: boolean;
      /** 03 D3: it came before, and is forwarded again. */
      readonly duplicate: boolean;
    }
  /** 03 D1: the same message came before; `id` is the first copy's row, `seq` 0 if its epoch has ended. */
  | { readonly kind: "repeat"; readonly id: number; readonly seq: bigint }
  /** `id`: its row of quarantine, the first copy's for a repeat. */
  | { readonly kind: "quarantined"; readonly repeated: boolean; readonly id: number }
  /** Nothing is known to be stored: no reply may claim it (03 E1). */
  | { readonly kind: "refused"; readonly error: AgentError };

export interface Waiting {
  readonly ticket: number;
  readonly channel: number;
  readonly bytes: number;
  readonly ackOwed: boolean;
  /** How long its sender's connection waits for the commit. */
  readonly deadlineMs: number;
  readonly settle: (outcome: AppendOutcome) => void;
}

interface Timed extends Waiting {
  /** Monotonic. */
  readonly expiresAtMs: number;
}

export class TicketQueue {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Timed>();
  /** Tickets whose sender was sent away before the commit returned. */
  readonly #late = new Map<number, Waiting>();
  #nextTicket = 1;
  #bytes = 0;
  #timer: Timer | undefined;
  #timerAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes that wait for a commit, late ones included: they are still in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  add({ channel, bytes, ackOwed, deadlineMs, settle }: Omit<Waiting, "ticket">): number {
    const ticket = this.#nextTicket++;
    const expiresAtMs = this.#clock.monotonicMs() + deadlineMs;
    const timed = { ticket, channel, bytes, ackOwed, deadlineMs, settle, expiresAtMs };
    this.#waiting.set(ticket, timed);
    this.#bytes += bytes;
    this.#arm(deadlineMs, expiresAtMs);
    return ticket;
  }

  /** Takes a ticket out. @returns it, and whether its sender has already gone without a reply */
  take(ticket: number): { readonly waiting: Waiting; readonly late: boolean } | undefined {
    const late = this.#late.get(ticket);
    const waiting = this.#waiting.get(ticket) ?? late;
    if (waiting === undefined) return undefined;
    this.#waiting.delete(ticket);
    this.#late.delete(ticket);
    this.#bytes -= waiting.bytes;
    return { waiting, late: late !== undefined };
  }

  /** Settles everything that waits with the same refusal. */
  refuseAll(error: AgentError): void {
    for (const waiting of [...this.#waiting.values()]) {
      this.take(waiting.ticket);
      waiting.settle({ kind: "refused", error });
    }
    this.#late.clear();
    this.#bytes = 0;
  }

  /** One timer, for whoever's patience ends first: channels may differ in it. */
  #arm(delayMs: number, atMs: number): void {
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.after(delayMs, () => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const waiting of [...this.#waiting.values()]) {
      const { ticket, expiresAtMs, deadlineMs } = waiting;
      if (expiresAtMs > nowMs) {
        nextAtMs = Math.min(nextAtMs, expiresAtMs);
        continue;
      }
      this.#waiting.delete(ticket);
      this.#late.set(ticket, waiting);
      waiting.settle({ kind: "refused", error: new AgentError("STORE_BUSY", { deadlineMs }) });
    }
    if (nextAtMs < Number.POSITIVE_INFINITY) this.#arm(nextAtMs - nowMs, nextAtMs);
  }
}
