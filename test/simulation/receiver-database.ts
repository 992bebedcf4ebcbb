/**
 * The receiver's real tables in memory, with the real steps on them: one for all runs of a process, emptied
 * between two, for making the schema takes longer than a run. It outlives every node, as a database does.
 *
 * @module
 */
import Database from "better-sqlite3";
import { migrate } from "#receiver/store/sqlite/migrations.ts";
import { type Prepared, prepare } from "#receiver/store/sqlite/prepared.ts";

export interface InboxRow {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly sha256: Uint8Array;
  readonly body: Uint8Array;
  readonly isRepeat: boolean;
  readonly isPossibleRepeat: boolean;
}

export interface GapRow {
  readonly epoch: bigint;
  readonly first: bigint | null;
  readonly last: bigint | null;
  readonly kind: string;
}

/** The rows of every table. */
export type Dump = readonly { readonly name: string; readonly rows: readonly unknown[][] }[];

type RawRow = [
  epoch: bigint,
  seq: bigint,
  sha256: Uint8Array,
  body: Uint8Array,
  repeatOf: bigint | null,
  possibleRepeat: bigint,
  large: bigint | null,
];

export class ReceiverDatabase implements Disposable {
  readonly storeId = new Uint8Array(16).fill(9);
  readonly db = new Database(":memory:");
  readonly sql: Prepared;
  /** Those that refer to others first. */
  readonly #tables: readonly string[];
  readonly #empty: readonly Database.Statement[];
  readonly #hashAt: Database.Statement<unknown[], Uint8Array>;
  readonly #gapAt: Database.Statement;
  readonly #position: Database.Statement<unknown[], { epoch: bigint; last: bigint }>;
  readonly #final: Database.Statement<unknown[], bigint>;
  readonly #rows: Database.Statement<unknown[], RawRow>;
  readonly #gaps: Database.Statement<unknown[], GapRow>;
  readonly #locked: Database.Statement;

  constructor() {
    migrate(this.db);
    this.sql = prepare(this.db);
    const tables = this.db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rootpage DESC")
      .pluck()
      .all() as string[];
    this.#tables = tables.filter((name) => name !== "sqlite_sequence");
    this.#empty = tables.map((name) => this.db.prepare(`DELETE FROM "${name}"`));
    this.#hashAt = this.db
      .prepare<unknown[], Uint8Array>(
        "SELECT sha256 FROM inbox WHERE channel = ? AND epoch = ? AND seq = ?",
      )
      .pluck();
    this.#gapAt = this.db.prepare(
      "SELECT 1 FROM gap WHERE channel = ? AND epoch = ? AND first_seq <= ? AND coalesce(last_seq, ?) >= ?",
    );
    this.#position = this.db
      .prepare<unknown[], { epoch: bigint; last: bigint }>(
        "SELECT epoch, last_seq AS last FROM channel WHERE direction = 0 AND channel = ?",
      )
      .safeIntegers();
    this.#final = this.db
      .prepare<unknown[], bigint>("SELECT final_seq FROM epoch WHERE channel = ? AND epoch = ?")
      .pluck()
      .safeIntegers();
    this.#rows = this.db
      .prepare<unknown[], RawRow>(
        `SELECT epoch, seq, sha256, body, repeat_of, possible_repeat, large FROM inbox
         WHERE channel = ? ORDER BY epoch, seq`,
      )
      .safeIntegers()
      .raw();
    this.#gaps = this.db
      .prepare<unknown[], GapRow>(
        "SELECT epoch, first_seq AS first, last_seq AS last, kind FROM gap WHERE channel = ? ORDER BY id",
      )
      .safeIntegers();
    this.#locked = this.db.prepare("SELECT 1 FROM agent WHERE locked_ms IS NOT NULL");
  }

  /** @returns the only agent's number */
  begin(): number {
    this.db.transaction(() => {
      for (const statement of this.#empty) statement.run();
      this.sql.insertAgent.run("sim", "agent", "01", 0);
    })();
    return 1;
  }

  /** As a backup keeps it. */
  dump(): Dump {
    return this.#tables.map((name) => {
      const rows = this.db.prepare(`SELECT * FROM "${name}"`).safeIntegers().raw().all();
      return { name, rows: rows as unknown[][] };
    });
  }

  /** Puts a backup back in the place of what is there. */
  restore(dump: Dump): void {
    this.db.transaction(() => {
      for (const statement of this.#empty) statement.run();
      for (const { name, rows } of [...dump].reverse()) {
        for (const row of rows) {
          const places = row.map(() => "?").join(", ");
          this.db.prepare(`INSERT INTO "${name}" VALUES (${places})`).run(...row);
        }
      }
    })();
  }

  /** The agent's latest. */
  get session(): number {
    return Number(this.sql.readSession.get(1)?.[0] ?? 0n);
  }

  hashAt(channel: string, epoch: bigint, seq: bigint): Uint8Array | undefined {
    return this.#hashAt.get(channel, epoch, seq);
  }

  isInGap(channel: string, epoch: bigint, seq: bigint): boolean {
    return this.#gapAt.get(channel, epoch, seq, seq, seq) !== undefined;
  }

  /** Up to which seq everything of an epoch is durable, gaps included. */
  lastSeq(channel: string, epoch: bigint): bigint {
    const position = this.#position.get(channel);
    if (position?.epoch === epoch) return position.last;
    return this.#final.get(channel, epoch) ?? 0n;
  }

  isLocked(): boolean {
    return this.#locked.get() !== undefined;
  }

  rows(channel: string): InboxRow[] {
    return this.#rows.all(channel).map(([epoch, seq, sha256, body, repeatOf, possible, large]) => ({
      ...{ epoch, seq, sha256, isRepeat: repeatOf !== null, isPossibleRepeat: possible !== 0n },
      body: large === null ? body : this.#large(large),
    }));
  }

  gaps(channel: string): GapRow[] {
    return this.#gaps.all(channel);
  }

  [Symbol.dispose](): void {
    this.db.close();
  }

  #large(body: bigint): Uint8Array {
    const slices = this.db
      .prepare("SELECT bytes FROM body_slice WHERE body = ? ORDER BY at")
      .pluck()
      .all(body) as Uint8Array[];
    return Buffer.concat(slices);
  }
}
