/** What reading the store through has found: in `status`, in the log, in the channel's counters (05 S16). @module */
import { type Facts, identifierFrom } from "./errors.ts";
import type { ChannelRecord } from "./health/channel-record.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Clock } from "./host/clock.ts";
import type { Log } from "./host/log.ts";
import type { SkipRange } from "./outbox/epochs/epoch-messages.ts";
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
  /** `undefined`: a person has given it up. */
  readonly #known = new Map<string, DamagedRow | undefined>();
  readonly #counts = new Map<number, { first: DamagedRow; count: number }>();

  constructor(parts: DamagedRowsParts) {
    this.#parts = parts;
  }

  /** A walk has met it; of a row that is known already nothing is said again. */
  found(row: DamagedRow): void {
    const { clock, log, channelOf } = this.#parts;
    const key = `${row.kind} ${row.id}`;
    if (this.#known.has(key)) return;
    if (this.#known.size < REMEMBERED_MAX_COUNT) this.#known.set(key, row);
    // Downstream channels are numbered apart, and have no senders.
    const isInbox = row.kind === "inbox";
    const { name, record } = isInbox
      ? { name: row.name, record: undefined }
      : channelOf(row.channel);
    const number = isInbox ? -row.channel : row.channel;
    const counted = this.#counts.get(number) ?? { first: row, count: 0 };
    counted.count += 1;
    this.#counts.set(number, counted);
    const channel = identifierFrom(name);
    record?.counters.add("damaged");
    log.write("rowDamaged", { channel, ...placeOf(row) });
    const facts = { channel, ...placeOf(counted.first), count: counted.count };
    this.#open(name, facts, clock.nowMs());
  }

  /** Every row is sealed: one that is not what was stored is one whose seal does not open for it (08 2.5). */
  #open(name: string, facts: Facts, nowMs: number): void {
    this.#parts.conditions.open("messageDamaged", name, facts, nowMs);
    this.#parts.conditions.open("sealBroken", name, facts, nowMs);
  }

  /**
   * A person has given messages up: they are named as missing from now on, and no longer as what stops their
   * channel. The condition goes on for other rows of it.
   */
  givenUp({ channel, epoch, firstSeq, lastSeq }: SkipRange, nowMs: number): void {
    const { conditions, channelOf } = this.#parts;
    const isOne = (row: DamagedRow): boolean =>
      row.kind === "message" && row.epoch === epoch && row.seq >= firstSeq && row.seq <= lastSeq;
    let first: DamagedRow | undefined;
    let count = this.#counts.get(channel)?.count ?? 0;
    for (const [key, row] of this.#known) {
      if (row === undefined || row.kind === "inbox" || row.channel !== channel) continue;
      if (isOne(row)) {
        this.#known.set(key, undefined);
        count -= 1;
      } else first ??= row;
    }
    const { name } = channelOf(channel);
    if (first === undefined) {
      this.#counts.delete(channel);
      conditions.close("messageDamaged", name);
      conditions.close("sealBroken", name);
      return;
    }
    this.#counts.set(channel, { first, count });
    const facts = { channel: identifierFrom(name), ...placeOf(first), count };
    this.#open(name, facts, nowMs);
  }
}

function placeOf(row: DamagedRow): Facts {
  if (row.kind === "quarantine") return { id: row.id };
  if (row.kind !== "file") return { epoch: row.epoch, seq: row.seq };
  // By it a person finds the file in `work/`, the archive or the error folder.
  return /^[0-9a-f]{16}$/.test(row.claim) ? { claim: identifierFrom(row.claim) } : { id: row.id };
}
