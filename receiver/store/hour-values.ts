/** A record of hours as values of a store: both sides of each statement read them here. @module */
import type { HourRecord, StretchRecord } from "#reconcile/hour-record.ts";

export interface StretchValues {
  readonly direction: 0 | 1;
  readonly channel: string;
  readonly epoch: bigint;
  readonly first: bigint;
  readonly last: bigint;
  readonly expected: bigint;
  readonly hour: number;
  readonly copies: number;
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
}

/** Each stretch once, the last one of it: one statement of PostgreSQL does not change a row twice. */
export function stretchValues({ stretches }: HourRecord): StretchValues[] {
  const byKey = new Map<string, StretchValues>();
  for (const one of stretches) {
    byKey.set([one.direction, one.epoch, one.first, one.channel].join("/"), valuesOf(one));
  }
  return [...byKey.values()];
}

export function countValues({ counts }: HourRecord): HourRecord["counts"] {
  return [...new Map(counts.map((one) => [`${one.hour}/${one.channel}`, one])).values()];
}

function valuesOf(one: StretchRecord): StretchValues {
  const { direction, channel, epoch, first, last, expected = last, hour, copies } = one;
  return {
    ...{ direction: direction === "up" ? 0 : 1, channel, epoch: BigInt(epoch) },
    ...{ first: BigInt(first), last: BigInt(last), expected: BigInt(expected), hour, copies },
    ...{ before: bytesOf(one.before), after: bytesOf(one.after) },
  };
}

const bytesOf = (text: string | null): Uint8Array | null =>
  text === null ? null : Buffer.from(text, "base64");
