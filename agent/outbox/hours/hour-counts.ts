/** How many came, by hour and channel, of what gets no number. @module */
import type { Prepared } from "../writing/prepared.ts";

/** What else can become of something that came. */
export type Unnumbered = "duplicates" | "quarantined" | "refused" | "rejected";

interface Counted extends Record<Unnumbered, number> {
  readonly hour: number;
  readonly channel: number;
}

export class Counts {
  readonly #counted = new Map<string, Counted>();

  get isEmpty(): boolean {
    return this.#counted.size === 0;
  }

  add(hour: number, channel: number, what: Unnumbered, count = 1): void {
    const key = `${hour}/${channel}`;
    const zero = { hour, channel, duplicates: 0, quarantined: 0, refused: 0, rejected: 0 };
    const counted = this.#counted.get(key) ?? zero;
    counted[what] += count;
    this.#counted.set(key, counted);
  }

  write({ hourCountAdd }: Prepared): void {
    for (const one of this.#counted.values()) {
      const { hour, channel, duplicates, quarantined, refused, rejected } = one;
      hourCountAdd.run(hour, channel, duplicates, quarantined, refused, rejected);
    }
  }

  /** Hands its repeats to another one. */
  moveRepeats(to: Counts): void {
    for (const { hour, channel, duplicates } of this.#counted.values()) {
      to.add(hour, channel, "duplicates", duplicates);
    }
    this.clear();
  }

  clear(): void {
    this.#counted.clear();
  }
}
