/**
 * Which replies are known to have left, in commit order (03 E5).
 *
 * The store keeps one number, "everything up to this row has its outcome", and the rows whose reply
 * did not get through: no row is updated on the hot path. This is the part that finds the number.
 *
 * @module
 */
import { OPEN_REPLIES_MAX_COUNT } from "../limits.ts";
import type { AckOutcomes } from "./writing/writer-messages.ts";

type Outcome = "open" | "delivered" | "undelivered";

export class AckLedger {
  /** Owed rows without a written outcome, oldest first. Bounded by what waits for its reply. */
  readonly #open = new Map<number, Outcome>();
  #throughId: number;
  #undelivered: number[] = [];
  #recovered: number[] = [];
  #changed = false;

  /** @param lastId the newest row when the store was opened: everything up to it is settled */
  constructor(lastId: number) {
    this.#throughId = lastId;
  }

  /** A message was committed. @param owed whether its sender waits for a reply */
  committed(id: number, owed: boolean): void {
    this.#open.set(id, owed ? "open" : "delivered");
    // One peer that never reads its replies must not keep every later outcome in memory.
    const oldest =
      this.#open.size > OPEN_REPLIES_MAX_COUNT ? this.#open.keys().next().value : undefined;
    if (oldest !== undefined) this.#open.set(oldest, "undelivered");
    this.#advance();
  }

  /** The reply to a message left, or did not. Also for the reply to a repeat of it. */
  replied(id: number, delivered: boolean): void {
    const known = this.#open.get(id);
    if (known === "open" || (known !== undefined && delivered)) {
      this.#open.set(id, delivered ? "delivered" : "undelivered");
      this.#advance();
    } else if (known === undefined && delivered) {
      this.#recovered.push(id);
      this.#changed = true;
    }
  }

  /** What is new since the last call, or `undefined`. */
  take(): AckOutcomes | undefined {
    if (!this.#changed) return undefined;
    const outcomes = {
      throughId: this.#throughId,
      undeliveredIds: this.#undelivered,
      recoveredIds: this.#recovered,
    };
    this.#undelivered = [];
    this.#recovered = [];
    this.#changed = false;
    return outcomes;
  }

  #advance(): void {
    for (const [id, outcome] of this.#open) {
      if (outcome === "open") return;
      if (outcome === "undelivered") this.#undelivered.push(id);
      this.#open.delete(id);
      this.#throughId = id;
      this.#changed = true;
    }
  }
}
