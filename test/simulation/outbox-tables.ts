/**
 * What the agent's store keeps, as rows in memory that outlive the agent's process: commit order, cursors,
 * epochs, retention (05 S6, S14, S17; 06 TP17, TP18). Each method is one transaction of the real store.
 *
 * The rules of epochs are those of `agent/outbox/epochs`, without pages, seals and damage.
 *
 * @module
 */
import { hash } from "node:crypto";
import { larger, smaller } from "#agent/outbox/bigints.ts";
import {
  type ChannelTail,
  EPOCH_END,
  type EpochEnd,
  type EpochStanding,
} from "#agent/outbox/epochs/channel-tails.ts";
import type { Retained, SinkPosition } from "#agent/outbox/epochs/epoch-messages.ts";
import { CHAIN_START, nextChain } from "#agent/outbox/format/chain.ts";
import type { MessageIdentity } from "#agent/outbox/format/record.ts";
import type { ReadRange, ReadResult, StoredMessage } from "#agent/outbox/reader.ts";
import { LARGE_MESSAGE_BYTES } from "#protocol/limits.ts";

/** One message: `number` says which of the run's it is. */
export interface Row {
  readonly number: number;
  readonly body: Uint8Array;
  readonly sha256: Uint8Array;
  readonly chain: Uint8Array;
  readonly replaces: MessageIdentity | undefined;
}

export interface EpochTable {
  readonly epoch: bigint;
  /** The row of seq n stands at n - 1, also where its body is pruned. */
  readonly rows: Row[];
  ackedSeq: bigint;
  trimmedSeq: bigint;
  ended: EpochEnd;
  final: bigint | null;
  moved: bigint | undefined;
}

export interface ChannelTable {
  readonly channel: number;
  readonly name: string;
  /** By number. */
  readonly epochs: EpochTable[];
}

/** How far a store in this place has been, by channel (05 S17). */
export type Mark = ReadonlyMap<number, { readonly epoch: bigint; readonly lastSeq: bigint }>;

const NOTHING = new Uint8Array(0);

export class OutboxTables {
  readonly channels: readonly ChannelTable[];

  private constructor(channels: readonly ChannelTable[]) {
    this.channels = channels;
  }

  static create(names: readonly string[]): OutboxTables {
    const channels = names.map((name, at) => ({
      channel: at + 1,
      name,
      epochs: [newEpoch(1n, EPOCH_END.current)],
    }));
    return new OutboxTables(channels);
  }

  /** As a backup, or a snapshot of the machine, keeps it. */
  copy(): OutboxTables {
    return new OutboxTables(
      this.channels.map((one) => ({
        ...one,
        epochs: one.epochs.map((epoch) => ({ ...epoch, rows: [...epoch.rows] })),
      })),
    );
  }

  get mark(): Mark {
    return new Map(
      this.channels.map((table) => {
        const { epoch, rows } = currentOf(table);
        return [table.channel, { epoch, lastSeq: BigInt(rows.length) }];
      }),
    );
  }

  /** Whether the receiver has confirmed everything. */
  get isSettled(): boolean {
    return this.channels.every(({ epochs }) =>
      epochs.every(
        ({ ended, ackedSeq, rows }) =>
          ended === EPOCH_END.reissued ||
          (ended !== EPOCH_END.filling && ackedSeq >= BigInt(rows.length)),
      ),
    );
  }

  tail(channel: number): ChannelTail {
    const table = this.#table(channel);
    const earlier = table.epochs.filter(
      ({ ended }) => ended !== EPOCH_END.current && ended !== EPOCH_END.filling,
    );
    const filling = table.epochs.find(({ ended }) => ended === EPOCH_END.filling);
    const current = currentOf(table);
    return {
      ...standingOf(current),
      ...{
        channel,
        name: table.name,
        lastChain: chainOf(current),
        earlier: earlier.map(standingOf),
      },
      filling:
        filling === undefined ? undefined : { ...standingOf(filling), lastChain: chainOf(filling) },
    };
  }

  append(channel: number, number: number, body: Uint8Array): bigint {
    const current = currentOf(this.#table(channel));
    const sha256 = hash("sha256", body, "buffer");
    return appendTo(current, { number, body, sha256, replaces: undefined });
  }

  settle(channel: number, epoch: bigint, seq: bigint): void {
    const table = this.epoch(channel, epoch);
    if (table === undefined) return;
    table.ackedSeq = larger(table.ackedSeq, smaller(seq, BigInt(table.rows.length)));
  }

  /** Bodies of an epoch go, up to a seq that is settled. */
  prune(channel: number, epoch: bigint, seq: bigint): void {
    const table = this.epoch(channel, epoch);
    if (table !== undefined)
      table.trimmedSeq = larger(table.trimmedSeq, smaller(seq, table.ackedSeq));
  }

  read({ channel, epoch, afterSeq, maxBytes, maxCount }: ReadRange): ReadResult {
    const table = this.epoch(channel, epoch);
    const messages: StoredMessage[] = [];
    let bytes = 0;
    for (let seq = afterSeq + 1n; ; seq += 1n) {
      const row = table?.rows[Number(seq) - 1];
      if (table === undefined || row === undefined) return { messages, damagedSeq: undefined };
      if (seq <= table.trimmedSeq) return { messages, damagedSeq: seq };
      messages.push(storedMessage(channel, seq, row));
      bytes += row.body.length;
      if (messages.length >= maxCount || bytes >= maxBytes)
        return { messages, damagedSeq: undefined };
    }
  }

  /** @param upload of a large body, as `read` gave it */
  slices(upload: number, from: number, maxBytes: number): Uint8Array<ArrayBuffer> {
    for (const { epochs } of this.channels) {
      for (const { rows } of epochs) {
        const row = rows.find(({ number }) => number === upload);
        if (row !== undefined) return new Uint8Array(row.body.subarray(from, from + maxBytes));
      }
    }
    return new Uint8Array(0);
  }

  chainAt(channel: number, epoch: bigint, seq: bigint): Uint8Array | undefined {
    const table = this.epoch(channel, epoch);
    if (table === undefined || seq < table.trimmedSeq) return undefined;
    return table.rows[Number(seq) - 1]?.chain;
  }

  retained(channel: number, epoch: bigint): Retained {
    const table = this.epoch(channel, epoch);
    if (table === undefined || table.trimmedSeq === 0n)
      return { trimmedSeq: 0n, chain: CHAIN_START };
    const { trimmedSeq, rows } = table;
    return { trimmedSeq, chain: rows[Number(trimmedSeq) - 1]?.chain };
  }

  /** As `Reissue.begin`. */
  part(channel: number, epoch: bigint, sink: SinkPosition): boolean {
    const { epochs } = this.#table(channel);
    if (epochs.some(({ ended }) => ended === EPOCH_END.filling)) return true;
    const parted = epochs.filter((one) => one.epoch >= epoch && one.ended !== EPOCH_END.reissued);
    if (!parted.some((one) => one.epoch === epoch)) return false;
    const highest = epochs.reduce((most, one) => larger(most, one.epoch), sink.epoch);
    for (const one of parted) {
      one.moved = movedFrom(one, sink);
      one.final = one.epoch === sink.epoch ? heldEnd(one, sink.lastSeq) : null;
    }
    if (!epochs.some((one) => one.epoch === sink.epoch)) {
      epochs.push({ ...newEpoch(sink.epoch, EPOCH_END.reissued), final: sink.lastSeq });
    }
    epochs.push(newEpoch(highest + 1n, EPOCH_END.filling));
    epochs.sort((one, other) => Number(one.epoch - other.epoch));
    return true;
  }

  /** One step of `Reissue`. @returns the channel's tail once it has moved; null: not yet */
  moveSome(channel: number, count: number): ChannelTail | null {
    const table = this.#table(channel);
    const filling = table.epochs.find(({ ended }) => ended === EPOCH_END.filling);
    if (filling === undefined) return null;
    let left = count;
    const sources = table.epochs.filter(({ moved }) => moved !== undefined);
    for (const source of sources) {
      for (let seq = (source.moved ?? 0n) + 1n; seq <= BigInt(source.rows.length); seq += 1n) {
        if (left === 0) return null;
        left -= 1;
        const row = source.rows[Number(seq) - 1];
        if (row === undefined) break;
        const own = { epoch: source.epoch, seq };
        const replaces = source.final === null ? (row.replaces ?? own) : own;
        appendTo(filling, { ...row, replaces });
        source.moved = seq;
      }
    }
    for (const source of sources) endAs(source, EPOCH_END.reissued, source.final);
    endAs(filling, EPOCH_END.current, null);
    return this.tail(channel);
  }

  /** As `beginDueEpochs`. @param isRestored by `backup restore`, and not behind anybody's back */
  beginDueEpochs(mark: Mark | undefined, isRestored: boolean): void {
    for (const table of this.channels)
      this.#beginIfDue(table, mark?.get(table.channel), isRestored);
  }

  epoch(channel: number, epoch: bigint): EpochTable | undefined {
    return this.#table(channel).epochs.find((one) => one.epoch === epoch);
  }

  #beginIfDue(
    { epochs, ...table }: ChannelTable,
    marked: { readonly epoch: bigint; readonly lastSeq: bigint } | undefined,
    isRestored: boolean,
  ): void {
    const current = currentOf({ epochs, ...table });
    const lastSeq = BigInt(current.rows.length);
    const isLater = marked !== undefined && marked.epoch > current.epoch;
    const isBehind = isLater || (marked?.epoch === current.epoch && marked.lastSeq > lastSeq);
    if (!isBehind && !isRestored) return;
    const highest = epochs.reduce((most, one) => larger(most, one.epoch), marked?.epoch ?? 0n);
    const isKnown = epochs.some((one) => one.epoch === marked?.epoch);
    const isUnknownEnd = isLater || (!isBehind && isRestored && marked === undefined);
    const end = isUnknownEnd ? null : larger(lastSeq, marked?.lastSeq ?? 0n);
    const filling = epochs.find(({ ended }) => ended === EPOCH_END.filling);
    if (filling !== undefined) {
      filling.ended = EPOCH_END.reissued;
      for (const one of epochs) one.moved = undefined;
    }
    endAs(current, EPOCH_END.draining, end);
    if (isLater && !isKnown && marked !== undefined) {
      epochs.push({ ...newEpoch(marked.epoch, EPOCH_END.draining), final: marked.lastSeq });
    }
    epochs.push(newEpoch(highest + 1n, EPOCH_END.current));
    epochs.sort((one, other) => Number(one.epoch - other.epoch));
  }

  #table(channel: number): ChannelTable {
    const table = this.channels[channel - 1];
    if (table === undefined) throw new RangeError(`There is no channel ${channel}`);
    return table;
  }
}

function newEpoch(epoch: bigint, ended: EpochEnd): EpochTable {
  return { epoch, rows: [], ackedSeq: 0n, trimmedSeq: 0n, ended, final: null, moved: undefined };
}

function currentOf({ epochs }: ChannelTable): EpochTable {
  const current = epochs.find(({ ended }) => ended === EPOCH_END.current);
  if (current === undefined) throw new RangeError("A channel has no current epoch");
  return current;
}

function standingOf({ rows, ...epoch }: EpochTable): EpochStanding {
  return { ...epoch, lastSeq: BigInt(rows.length), lastBytes: 0, ackedBytes: 0 };
}

const chainOf = ({ rows }: EpochTable): Uint8Array => rows.at(-1)?.chain ?? CHAIN_START;

function appendTo(table: EpochTable, row: Omit<Row, "chain">): bigint {
  const seq = BigInt(table.rows.length + 1);
  const chain = nextChain(chainOf(table), table.epoch, seq, row.sha256);
  const { number, body, sha256, replaces } = row;
  table.rows.push({ number, body, sha256, replaces, chain });
  return seq;
}

function endAs(table: EpochTable, ended: EpochEnd, final: bigint | null): void {
  table.ended = ended;
  table.final = final;
  table.moved = undefined;
}

function movedFrom({ epoch, ackedSeq, trimmedSeq }: EpochTable, sink: SinkPosition): bigint {
  if (epoch < sink.epoch) return ackedSeq;
  const held = epoch === sink.epoch ? smaller(ackedSeq, sink.lastSeq) : 0n;
  return larger(held, trimmedSeq);
}

function heldEnd({ rows, trimmedSeq, final }: EpochTable, heldSeq: bigint): bigint {
  const lost = final !== null && final > BigInt(rows.length) ? final : 0n;
  return larger(larger(heldSeq, trimmedSeq), lost);
}

function storedMessage(channel: number, seq: bigint, row: Row): StoredMessage {
  const { number, body, sha256, replaces } = row;
  const isLarge = body.length > LARGE_MESSAGE_BYTES;
  return {
    ...{ id: number, seq, receivedAtMs: channel, length: body.length, sha256, replaces },
    ...{
      controlId: NOTHING,
      source: "",
      flags: 0,
      controlIdReused: false,
      duplicate: false,
      refused: false,
    },
    ...{
      body: isLarge ? undefined : body,
      upload: isLarge ? number : 0,
      uploadAt: 0,
      attributes: "",
    },
  };
}
