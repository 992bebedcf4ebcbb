/**
 * The receiver is told what came in each hour once it is over, on `$status` (06 TP35): appended, and marked as told,
 * in one transaction. What comes late for an hour, or has moved to another epoch, is told again.
 *
 * @module
 */
import { hash } from "node:crypto";
import {
  type CountRecord,
  HOURS_SCHEMA,
  type HourRecord,
  RECORD_MAX_COUNT,
  recordBytes,
  type StretchRecord,
} from "#reconcile/hour-record.ts";
import { hourOf } from "#reconcile/hours.ts";
import type { Clock } from "../../host/clock.ts";
import { CONTROL_KEY_BYTES, type TicketedEntry } from "../writing/append-batch.ts";
import type { Chore } from "../writing/chores.ts";
import type { GroupCommit } from "../writing/group-commit.ts";
import { DOWN } from "./hour-book.ts";
import type { Told } from "./hour-messages.ts";
import {
  type CountColumns,
  countOf,
  expectedLast,
  nameOf,
  type StretchColumns,
  type StretchRow,
  stretchRow,
} from "./hour-reader.ts";
import { openChains } from "./stretch-chains.ts";
import { writeRepeats } from "./write-repeats.ts";

const LOOK_MS = 60_000;
const STATUS_CHANNEL = "$status";

export interface HourTellingOptions {
  readonly store: GroupCommit;
  /** 16 bytes. */
  readonly storeId: Uint8Array;
  readonly clock: Pick<Clock, "nowMs">;
  /** Called after a commit with the last seq of `$status`. */
  readonly onTold: (channel: number, lastSeq: bigint) => void;
}

interface Standing {
  readonly since: number;
  readonly through: number;
}

export class HourTelling implements Chore {
  readonly name = "hours";
  readonly #options: HourTellingOptions;

  constructor(options: HourTellingOptions) {
    this.#options = options;
  }

  step(): number {
    const nowHour = hourOf(this.#options.clock.nowMs());
    return this.#tellOnce(nowHour, nowHour) === "more" ? 0 : LOOK_MS;
  }

  /** Tells everything up to now, of the hour that is not over, too. @returns `undefined` without a channel for it */
  tell(nowMs: number): Told | undefined {
    const nowHour = hourOf(nowMs);
    let records = 0;
    for (let more = true; more; records += 1) {
      const result = this.#tellOnce(nowHour, nowHour + 1);
      if (result === "nowhere") return undefined;
      more = result === "more";
    }
    const { since, through } = this.#standing(nowHour);
    return { records, sinceHour: since, throughHour: through };
  }

  /** @param beforeHour exclusive: what is told */
  #tellOnce(nowHour: number, beforeHour: number): "more" | "done" | "nowhere" {
    const { store, onTold } = this.#options;
    writeRepeats(store);
    const { prepared, tails } = store;
    const channel = [...tails.values()].find(({ name }) => name === STATUS_CHANNEL)?.channel;
    const standing = this.#standing(nowHour);
    if (channel === undefined) return "nowhere";
    const found = prepared.stretchUntold.all(beforeHour, RECORD_MAX_COUNT) as StretchColumns[];
    const rows = found.map(stretchRow);
    const room = RECORD_MAX_COUNT - rows.length;
    const counts = prepared.hourCountUntold.all(beforeHour, room) as CountColumns[];
    const isMore = rows.length + counts.length >= RECORD_MAX_COUNT;
    const through = isMore ? standing.through : Math.max(standing.through, nowHour - 1);
    if (rows.length + counts.length === 0 && through === standing.through) return "done";
    const record = this.#record({ ...standing, through }, rows, counts);
    let seq = 0n;
    store.appendAgain((appender, recentRow) => {
      for (const { id } of rows) prepared.stretchTold.run(id);
      for (const [hour, of] of counts) prepared.hourCountTold.run(hour, of);
      prepared.hourToldMove.run(standing.since, through);
      seq = appender.append(this.#entry(channel, record), recentRow).seq;
    });
    // What grows now has to be told again.
    store.hours.reload();
    onTold(channel, seq);
    return isMore ? "more" : "done";
  }

  #standing(nowHour: number): Standing {
    const row = this.#options.store.prepared.hourToldRead.get() as [number, number] | undefined;
    const [since = nowHour, through = nowHour - 1] = row ?? [];
    return { since, through };
  }

  #record(
    { since, through }: Standing,
    rows: readonly StretchRow[],
    counts: readonly CountColumns[],
  ): HourRecord {
    const { store, storeId } = this.#options;
    return {
      ...{ schema: HOURS_SCHEMA, store: Buffer.from(storeId).toString("hex") },
      ...{ sinceHour: since, throughHour: through },
      stretches: rows.map((row) => this.#stretch(row)),
      counts: counts.map((one): CountRecord => countOf(store, one)),
    };
  }

  #stretch(row: StretchRow): StretchRecord {
    const { store } = this.#options;
    const { direction, epoch, firstSeq, lastSeq, hour, copies } = row;
    const chains = openChains(store.sealer, row, row.chains);
    const isDown = direction === DOWN;
    const expected = isDown ? lastSeq : expectedLast(store.tails.get(row.channel), row);
    return {
      ...{ direction: isDown ? "down" : "up", channel: nameOf(store, row), epoch: String(epoch) },
      ...{ first: String(firstSeq), last: String(lastSeq) },
      ...(expected === lastSeq ? {} : { expected: String(expected) }),
      ...{ hour, copies, before: base64(chains?.before), after: base64(chains?.after) },
    };
  }

  #entry(channel: number, record: HourRecord): TicketedEntry {
    const body = recordBytes(record);
    const sha256 = hash("sha256", body, "buffer");
    return {
      ...{ ticket: 0, channel, quarantine: undefined, ackOwed: false, duplicates: "off" },
      ...{ duplicateWindowMs: 0, receivedAtMs: this.#options.clock.nowMs(), length: body.length },
      ...{ sha256, controlKey: sha256.subarray(0, CONTROL_KEY_BYTES) },
      controlId: Buffer.from(`hours/${record.throughHour}`),
      ...{ source: "", body, upload: 0, uploadAt: 0, uploadBytes: 0, attributes: "" },
      claim: undefined,
    };
  }
}

const base64 = (bytes: Uint8Array | null | undefined): string | null =>
  bytes == null ? null : Buffer.from(bytes).toString("base64");
