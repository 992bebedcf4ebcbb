/** What reading the store through has found: in `status`, in the log, in the channel's counters (05 S16). @module */
import { identifierFrom } from "./errors.ts";
import type { ChannelRecord } from "./health/channel-record.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Clock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { DamagedRow } from "./outbox/format/row-walk.ts";

/** Rows that are remembered one by one: beyond it each walk names them again. */
const REMEMBERED_MAX_COUNT = 10_000;

export interface DamagedRowsParts {
  readonly conditions: Conditions;
  readonly clock: Clock;
  readonly log: Log;
  /** The name of a channel, and its record if it is configured. */
  readonly channelOf: (channel: number) => {
    readonly name: string;
    readonly record: ChannelRecord | undefined;
  };
}

export class DamagedRows {
  readonly #parts: DamagedRowsParts;
  readonly #known = new Set<string>();
  readonly #counts = new Map<number, { first: DamagedRow; count: number }>();

  constructor(parts: DamagedRowsParts) {
    this.#parts = parts;
  }

  /** A walk has met it; of a row that is known already nothing is said again. */
  found(row: DamagedRow): void {
    const { conditions, clock, log, channelOf } = this.#parts;
    const key = `${row.kind} ${row.id}`;
    if (this.#known.has(key)) return;
    if (this.#known.size < REMEMBERED_MAX_COUNT) this.#known.add(key);
    const { name, record } = channelOf(row.channel);
    const counted = this.#counts.get(row.channel) ?? { first: row, count: 0 };
    counted.count += 1;
    this.#counts.set(row.channel, counted);
    const channel = identifierFrom(name);
    record?.counters.add("damaged");
    log.write("rowDamaged", { channel, ...placeOf(row) });
    const facts = { channel, ...placeOf(counted.first), count: counted.count };
    conditions.open("messageDamaged", name, facts, clock.nowMs());
  }
}

function placeOf(row: DamagedRow): Readonly<Record<string, number | bigint>> {
  return row.kind === "message" ? { epoch: row.epoch, seq: row.seq } : { id: row.id };
}
