/** Appends that wait for their commit, in order, with the moment each one's patience ends (03 A9). @module */
import { AgentError } from "../errors.ts";
import type { Clock, Timer } from "../host/clock.ts";

/** What an append came to. Positive only after the commit was flushed (03 A1). */
export type AppendOutcome =
  | {
      readonly kind: "stored";
      readonly id: number;
      readonly seq: bigint;
      readonly controlIdReused: boolean;
    }
  /** 03 D1: the same message came before; `id` is the first copy's row. */
  | { readonly kind: "repeat"; readonly id: number }
  | { readonly kind: "quarantined"; readonly repeated: boolean }
  /** Nothing is known to be stored: no reply may claim it (03 E1). */
  | { readonly kind: "refused"; readonly error: AgentError };

export interface Waiting {
  readonly ticket: number;
  readonly channel: number;
  readonly bytes: number;
  readonly ackOwed: boolean;
  readonly deadlineMs: number;
  readonly settle: (outcome: AppendOutcome) => void;
}

export class TicketQueue {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #waiting = new Map<number, Waiting>();
  /** Tickets whose sender was sent away before the commit returned. */
  readonly #late = new Map<number, Waiting>();
  #nextTicket = 1;
  #bytes = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  /** Bytes that wait for a commit, late ones included: they are still in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  add(waiting: Omit<Waiting, "ticket" | "deadlineMs">): number {
    const ticket = this.#nextTicket++;
    const deadlineMs = this.#clock.monotonicMs() + this.#deadlineMs;
    this.#waiting.set(ticket, { ...waiting, ticket, deadlineMs });
    this.#bytes += waiting.bytes;
    this.#timer ??= this.#clock.after(this.#deadlineMs, () => this.#expire());
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

  #expire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadlineMs > nowMs) {
        this.#timer = this.#clock.after(waiting.deadlineMs - nowMs, () => this.#expire());
        return;
      }
      this.#waiting.delete(waiting.ticket);
      this.#late.set(waiting.ticket, waiting);
      const error = new AgentError("STORE_BUSY", { deadlineMs: this.#deadlineMs });
      waiting.settle({ kind: "refused", error });
    }
  }
}
