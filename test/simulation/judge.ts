/**
 * The oracles (10 section 1), on the receiver's rows alone: while a run goes on, of every acknowledgment and
 * of everything that the agent settles; at its end, of everything that is stored.
 *
 * @module
 */
import { decodeFrame } from "#protocol/codec.ts";
import { FRAME_TYPE } from "#protocol/frame.ts";
import type { Request } from "#receiver/store/sqlite/calls.ts";
import type { Answer } from "./node-store.ts";
import type { GapRow, InboxRow } from "./receiver-database.ts";
import type { World } from "./world.ts";

export class Judge {
  readonly violations: string[] = [];
  readonly #world: World;
  /** What was stored when the receiver was put back, by channel, epoch and seq. */
  readonly #gone = new Map<string, Uint8Array>();
  #session = 0;

  constructor(world: World) {
    this.#world = world;
  }

  violate(what: string): void {
    this.violations.push(what);
    this.#world.note(`VIOLATED ${what}`);
  }

  /** RI2: from the commit of a HELLO on, whatever an older session asks is answered FENCED. */
  answered({ name, ask }: Request, answer: Answer): void {
    if (answer === null || typeof answer !== "object") return;
    if ("session" in answer && typeof answer.session === "number") this.#session = answer.session;
    if (!("session" in ask) || ask.session === this.#session) return;
    this.#world.count("late call");
    if ("kind" in answer && answer.kind === "fenced") return;
    this.violate(`${name} of session ${ask.session} is heard in session ${this.#session}`);
  }

  /** The receiver's database becomes an older one; an ACK that is under way still says what was true. */
  putBack(change: () => void): void {
    const { tables, database } = this.#world;
    for (const { name } of tables.channels) {
      for (const { epoch, seq, sha256 } of database.rows(name)) {
        this.#gone.set(`${name} ${epoch}/${seq}`, sha256);
      }
    }
    change();
    this.#session = database.session;
  }

  /** RI7: what an ACK says is durable when it is sent. */
  sent(frame: Uint8Array): void {
    if (frame[0] !== FRAME_TYPE.ack) return;
    const ack = decodeFrame(frame);
    if (ack?.type !== "ack") return;
    const { tables, database } = this.#world;
    const name = tables.channels[(ack.stream - 1) / 2]?.name ?? "";
    const durable = database.lastSeq(name, ack.epoch);
    if (ack.lastSeq <= durable) return;
    this.violate(`${name}: ACK of ${ack.epoch}/${ack.lastSeq}, and ${durable} is stored`);
  }

  /** Nothing is settled that the receiver does not have, byte for byte, under that number. */
  settled(channel: number, epoch: bigint, seq: bigint): void {
    const { tables, database } = this.#world;
    const table = tables.epoch(channel, epoch);
    const name = tables.channels[channel - 1]?.name ?? "";
    for (let one = (table?.ackedSeq ?? 0n) + 1n; one <= seq; one += 1n) {
      const row = table?.rows[Number(one) - 1];
      if (row === undefined) continue;
      const stored = database.hashAt(name, epoch, one) ?? this.#gone.get(`${name} ${epoch}/${one}`);
      if (stored !== undefined && Buffer.compare(stored, row.sha256) === 0) continue;
      if (stored === undefined && database.isInGap(name, epoch, one)) continue;
      this.violate(`${name}: ${epoch}/${one} is settled, and is not stored`);
    }
  }

  /** Conservation, integrity, order, uniqueness, and gaps, once everything has come to rest. */
  end(wasPutBack: boolean): void {
    const { tables, database, ledger } = this.#world;
    for (const { channel, name } of tables.channels) {
      const rows = database.rows(name);
      const gaps = database.gaps(name);
      this.#withoutHoles(name, rows, gaps);
      if (!wasPutBack && gaps.length > 0) this.violate(`${name}: a gap where nothing is missing`);
      const handedOn: number[] = [];
      for (const { epoch, seq, body, isRepeat, isPossibleRepeat } of rows) {
        const number = ledger.numberOf(body);
        if (number === undefined) this.violate(`${name}: ${epoch}/${seq} was never sent`);
        else if (isRepeat) this.#world.count("repeat");
        else handedOn.push(number);
        if (isPossibleRepeat) this.violate(`${name}: ${epoch}/${seq} is said to be unverifiable`);
      }
      for (const [at, number] of handedOn.entries()) {
        const before = handedOn[at - 1] ?? 0;
        if (number === before) this.violate(`${name}: message ${number} is stored twice`);
        else if (number < before) this.violate(`${name}: message ${number} behind ${before}`);
      }
      const stored = new Set(handedOn);
      const missing = ledger
        .owed(channel)
        .filter((number) => !stored.has(number) && !this.#isPruned(channel, number));
      if (missing.length > 0) this.violate(`${name}: not stored: ${missing.join(" ")}`);
    }
  }

  /** What was settled and pruned when the receiver was put back is gone, and noted (06 TP37). */
  #isPruned(channel: number, number: number): boolean {
    const { tables, database } = this.#world;
    const table = tables.channels[channel - 1];
    return (table?.epochs ?? []).some(({ epoch, rows, trimmedSeq }) => {
      const seq = BigInt(rows.findIndex((row) => row.number === number) + 1);
      return 0n < seq && seq <= trimmedSeq && database.isInGap(table?.name ?? "", epoch, seq);
    });
  }

  /** In each epoch 1, 2, 3 …, and where one is missing there is a gap record (RI8). */
  #withoutHoles(name: string, rows: readonly InboxRow[], gaps: readonly GapRow[]): void {
    let epoch = 0n;
    let last = 0n;
    for (const row of rows) {
      if (row.epoch !== epoch) last = 0n;
      epoch = row.epoch;
      for (let seq = last + 1n; seq < row.seq; seq += 1n) {
        const isNoted = gaps.some(
          (gap) => gap.epoch === epoch && (gap.first ?? 0n) <= seq && seq <= (gap.last ?? seq),
        );
        if (!isNoted) this.violate(`${name}: ${epoch}/${seq} is missing without a record`);
      }
      last = row.seq;
    }
  }
}
