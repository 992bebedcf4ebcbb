/**
 * A delivery queue in memory that keeps what the real one keeps: what was durable when the process died.
 *
 * Calls take effect in their order, each in a turn of its own, and are written down. After `crash` nothing
 * that had not taken effect does any more; `reopened` is what the next process finds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type {
  Awaiting,
  Delivery,
  DeliveryHead,
  DeliveryQueue,
  Hold,
  Outcome,
  Reply,
  Tries,
} from "#agent/deliver/queue.ts";
import { AgentError } from "#agent/errors.ts";
import { latin1 } from "./messages.ts";

export const NO_TRIES: Tries = { negativeCount: 0, replyErrorCount: 0, timeoutCount: 0 };

export interface Row {
  readonly id: number;
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
  claimed: boolean;
  tries: Tries;
  awaiting: Awaiting | undefined;
  hold: Hold | undefined;
  reply: Reply | undefined;
  outcome: Outcome | undefined;
}

export class MemoryQueue implements DeliveryQueue {
  readonly rows: Row[];
  /** Every call that took effect, such as `claim 1`. */
  readonly calls: string[] = [];
  /** What the receiver says of messages, as JSON, by row. */
  readonly metas = new Map<number, string>();
  /** Bodies that no longer are what was stored. */
  readonly damaged = new Set<number>();
  /** What a body is read in, at most. */
  sliceBytes = Number.POSITIVE_INFINITY;
  /** Thrown by that many of the next calls that write. */
  readonly faults: AgentError[] = [];
  readonly #listeners: (() => void)[] = [];
  #crashed = false;

  constructor(rows: Row[] = []) {
    this.rows = rows;
  }

  append(body: string | Uint8Array, receivedAtMs = Date.UTC(2025, 0, 1, 12)): number {
    const id = this.rows.length + 1;
    const bytes = typeof body === "string" ? latin1(body) : body;
    const fresh = { claimed: false, tries: NO_TRIES, awaiting: undefined, hold: undefined };
    this.rows.push({
      ...{ id, body: bytes, receivedAtMs, reply: undefined, outcome: undefined },
      ...fresh,
    });
    for (const listener of this.#listeners) listener();
    return id;
  }

  row(id: number): Row {
    const row = this.rows[id - 1];
    assert.ok(row, `there is no row ${id}`);
    return row;
  }

  /** `accepted`, `quarantined rejected`, `awaiting`, `held error`, or `open`. */
  get standing(): string[] {
    return this.rows.map(({ outcome, awaiting, hold }) => {
      if (outcome?.kind === "quarantined") return `quarantined ${outcome.reason}`;
      if (outcome !== undefined) return outcome.kind;
      if (hold !== undefined) return `held ${hold.why}`;
      return awaiting === undefined ? "open" : "awaiting";
    });
  }

  /** The process is gone. */
  crash(): void {
    this.#crashed = true;
  }

  reopened(): MemoryQueue {
    return new MemoryQueue(this.rows);
  }

  async next(): Promise<Delivery | undefined> {
    await this.#begin();
    const row = this.rows.find((one) => one.outcome === undefined && one.awaiting === undefined);
    if (row === undefined) return undefined;
    const { id, body, receivedAtMs, claimed, tries } = row;
    return {
      ...{ id, epoch: 1n, seq: BigInt(id), receivedAtMs, claimed },
      ...tries,
      bytes: body.length,
    };
  }

  async head(id: number): Promise<DeliveryHead | undefined> {
    await this.#begin();
    const sha256 = new Uint8Array(hash("sha256", this.row(id).body, "buffer"));
    return { sha256, meta: this.metas.get(id) ?? "{}" };
  }

  async body(id: number, from: number, maxBytes: number): Promise<Uint8Array> {
    await this.#begin();
    const { body } = this.row(id);
    const end = Math.min(body.length, from + Math.min(maxBytes, this.sliceBytes));
    if (end === body.length && this.damaged.has(id)) {
      throw new AgentError("STORE_BODY_DAMAGED", { id });
    }
    return new Uint8Array(body.subarray(from, end));
  }

  claim(id: number): Promise<void> {
    return this.#write(`claim ${id}`, id, (row) => {
      row.claimed = true;
    });
  }

  noteTries(id: number, tries: Tries): Promise<void> {
    const { negativeCount, replyErrorCount, timeoutCount } = tries;
    return this.#write(`tries ${id}`, id, (row) => {
      row.tries = { negativeCount, replyErrorCount, timeoutCount };
    });
  }

  awaitAcknowledgment(awaiting: Awaiting, reply: Reply): Promise<void> {
    return this.#write(`await ${awaiting.id}`, awaiting.id, (row) => {
      row.awaiting = awaiting;
      row.reply = reply;
    });
  }

  async awaiting(): Promise<readonly Awaiting[]> {
    await this.#begin();
    return this.rows.flatMap(({ outcome, awaiting }) =>
      outcome === undefined && awaiting !== undefined ? [awaiting] : [],
    );
  }

  settle(id: number, outcome: Outcome): Promise<void> {
    return this.#write(`settle ${id}`, id, (row) => {
      assert.equal(row.outcome, undefined, `row ${id} was settled before`);
      row.outcome = { ...outcome, reply: outcome.reply ?? row.reply };
      row.hold = undefined;
    });
  }

  hold(hold: Hold, reply: Reply | undefined): Promise<void> {
    return this.#write(`hold ${hold.id}`, hold.id, (row) => {
      row.hold = hold;
      row.reply = reply ?? row.reply;
      row.awaiting = undefined;
    });
  }

  async held(): Promise<Hold | undefined> {
    await this.#begin();
    return this.rows.find(({ hold }) => hold !== undefined)?.hold;
  }

  release(id: number): Promise<void> {
    return this.#write(`release ${id}`, id, (row) => {
      row.hold = undefined;
      row.tries = NO_TRIES;
    });
  }

  onArrival(listener: () => void): Disposable {
    this.#listeners.push(listener);
    return { [Symbol.dispose]: () => {} };
  }

  async #write(call: string, id: number, change: (row: Row) => void): Promise<void> {
    await this.#begin();
    const fault = this.faults.shift();
    if (fault !== undefined) throw fault;
    change(this.row(id));
    this.calls.push(call);
    // Durable by now; the caller hears of it later.
    await this.#begin();
  }

  /** A process that is gone hears nothing. */
  async #begin(): Promise<void> {
    await turn();
    if (this.#crashed) await new Promise<never>(() => {});
  }
}
