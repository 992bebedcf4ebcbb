/** One message that the sink refuses again and again, for a reason that may pass (06 TP30). @module */
const REFUSALS_BEFORE_ALARM = 5;

export class RepeatedRefusal {
  #seq = 0n;
  #count = 0;

  /** Whether a person should know by now. */
  get isAlarming(): boolean {
    return this.#count >= REFUSALS_BEFORE_ALARM;
  }

  /** @returns whether an alarm begins with this one */
  refused(seq: bigint): boolean {
    this.#count = this.#seq === seq ? this.#count + 1 : 1;
    this.#seq = seq;
    return this.#count === REFUSALS_BEFORE_ALARM;
  }

  /** The sink has everything up to `seq`. @returns whether that ends an alarm */
  settled(seq: bigint): boolean {
    if (!this.isAlarming || seq < this.#seq) return false;
    this.#count = 0;
    return true;
  }
}
