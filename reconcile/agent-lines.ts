/** An agent's stretches and counts as lines: the same sums wherever they are made. @module */
import type { Direction } from "./hour-record.ts";
import { type DigestedStretch, lineDigest } from "./line-digest.ts";
import { type AgentLine, lineKeyOf, lineOrder } from "./lines.ts";

export interface CountedStretch extends DigestedStretch {
  readonly direction: Direction;
  readonly channel: string;
  readonly hour: number;
  readonly copies: number;
  /** Behind which its messages were sent under other numbers; absent: none were. */
  readonly elsewhere: number;
  readonly waiting: number;
  readonly done: number;
  readonly aside: number;
  readonly lost: number;
}

export interface CountedHour {
  readonly channel: string;
  readonly hour: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly refused: number;
  readonly rejected: number;
}

interface Sums {
  readonly direction: Direction;
  readonly channel: string;
  readonly hour: number;
  readonly stretches: DigestedStretch[];
  counted: CountedHour | undefined;
  stored: number;
  copies: number;
  elsewhere: number;
  waiting: number;
  done: number;
  aside: number;
  lost: number;
}

export class AgentLines {
  readonly #sums = new Map<string, Sums>();

  stretch(stretch: CountedStretch): void {
    const sums = this.#of(stretch);
    sums.stretches.push(stretch);
    sums.stored += Number(stretch.last - stretch.first + 1n);
    for (const what of ["copies", "elsewhere", "waiting", "done", "aside", "lost"] as const) {
      sums[what] += stretch[what];
    }
  }

  count(counted: CountedHour): void {
    this.#of({ ...counted, direction: "up" }).counted = counted;
  }

  /** By hour, direction and channel. */
  lines(): AgentLine[] {
    return [...this.#sums.values()].map(lineOf).sort(lineOrder);
  }

  #of({ direction, channel, hour }: Pick<Sums, "direction" | "channel" | "hour">): Sums {
    const key = lineKeyOf({ direction, channel, hour });
    const fresh: Sums = {
      ...{ direction, channel, hour, stretches: [], counted: undefined, stored: 0, copies: 0 },
      ...{ elsewhere: 0, waiting: 0, done: 0, aside: 0, lost: 0 },
    };
    const sums = this.#sums.get(key) ?? fresh;
    this.#sums.set(key, sums);
    return sums;
  }
}

function lineOf(sums: Sums): AgentLine {
  const { direction, channel, hour, stored, copies, elsewhere, waiting, done } = sums;
  const { duplicates = 0, quarantined = 0, refused = 0, rejected = 0 } = sums.counted ?? {};
  const isUp = direction === "up";
  const aside = isUp ? rejected + sums.lost : sums.aside;
  return {
    ...{ direction, channel, hour, duplicates, quarantined, refused, stored },
    received: isUp ? stored - copies + duplicates + quarantined + refused : stored,
    delivered: isUp ? Math.max(0, done - aside) : done,
    ...{ acknowledged: done, waiting, aside, elsewhere },
    digest: isUp && elsewhere > 0 ? null : lineDigest(sums.stretches),
  };
}
