/** Rows whose message cannot be read any more: they no longer stand for it (05 S16, 03 D1). @module */
import { translated } from "../format/fault.ts";
import type { Prepared } from "../writing/prepared.ts";

/** Met again at every read; beyond so many each is only written again. */
const KNOWN_MAX_COUNT = 10_000;

export class Disowned {
  readonly #prepared: Prepared;
  readonly #inTransaction: (work: () => void) => void;
  readonly #known = new Set<string>();

  constructor(prepared: Prepared, inTransaction: (work: () => void) => void) {
    this.#prepared = prepared;
    this.#inTransaction = inTransaction;
  }

  /**
   * A resend of the message is no repeat from now on: it is stored. On a full disk the next read of it
   * tries again. Outside of a transaction.
   *
   * @throws {AgentError} what halts the store, and nothing else: whoever reads must be told of the damage
   */
  add(channel: number, epoch: bigint, seq: bigint): void {
    const key = `${channel}/${epoch}/${seq}`;
    if (this.#known.has(key)) return;
    try {
      this.#inTransaction(() => this.#prepared.messageDisown.run(channel, epoch, seq, seq));
    } catch (error) {
      const fault = translated(error);
      if (fault.disposition === "halt") throw fault;
      return;
    }
    if (this.#known.size < KNOWN_MAX_COUNT) this.#known.add(key);
  }
}
