/** What a closed store holds, read from its file: the witness that the agent did not write. @module */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import {
  kekFileBeside,
  type Place,
  readKek,
  recordAt,
  SealedStore,
} from "#test/faults/sealed-store.ts";
import { quarantineOf, storeIdOf } from "#test/faults/store-tables.ts";
import { sha256Of, textOf } from "./messages.ts";
import { TEST_KEK } from "./test-keys.ts";

/** One row of quarantine. */
export interface SetAside {
  readonly reason: string;
  readonly text: string;
  readonly sha256: string;
  /** Of the whole block, kept or not. */
  readonly length: number;
  readonly controlId: string;
  readonly repeatCount: number;
}

export class StoreFile implements Disposable {
  readonly #database: Sqlite.Database;
  readonly #stateDir: string;
  readonly #kek: Uint8Array | undefined;
  /** Made when something has to be opened: a test that only counts has no KEK at hand. */
  #sealed: SealedStore | undefined;

  /**
   * @param stateDir of an agent that does not run: the store is locked while it does
   * @param kek absent: that of `makePair`, beside the configuration, or that of `TestOutbox`
   */
  constructor(stateDir: string, kek?: Uint8Array) {
    this.#database = new Sqlite(join(stateDir, "outbox/holdfast.db"));
    this.#stateDir = stateDir;
    this.#kek = kek;
  }

  messageCount(): number {
    return this.#number(
      "SELECT count(*) FROM message JOIN channel ON channel.id = channel WHERE name NOT GLOB '$*'",
    );
  }

  sliceCount(): number {
    return this.#number("SELECT count(*) FROM slice");
  }

  uploadCount(): number {
    return this.#number("SELECT count(*) FROM upload");
  }

  /** Everything that was set aside, oldest first. @throws {Error} if a row does not open */
  quarantine(): SetAside[] {
    const counts = this.#database.prepare("SELECT repeat_count FROM quarantine WHERE id = ?");
    return quarantineOf(this.#database).map((row) => {
      const { id, channel, sealed, upload } = row;
      const plain = this.#opened(sealed, { column: "quarantine.sealed", channel, row: id });
      const record = recordAt(plain, 0);
      if (record === undefined) throw new Error(`row ${id} of quarantine holds no record`);
      const kept = upload === 0 ? record.body : this.#slices(upload);
      return {
        reason: row.reason,
        text: textOf(kept),
        sha256: sha256Of(kept),
        length: row.length,
        controlId: textOf(record.controlId),
        repeatCount: counts.pluck().get(id) as number,
      };
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #slices(upload: number): Uint8Array {
    const parts = this.#database
      .prepare("SELECT ordinal, bytes FROM slice WHERE upload = ? ORDER BY ordinal")
      .raw()
      .all(upload) as [number, Buffer][];
    const opened = parts.map(([ordinal, bytes]) =>
      this.#opened(bytes, { column: "slice.bytes", channel: 0, row: upload, extra: ordinal }),
    );
    return Buffer.concat(opened);
  }

  #opened(envelope: Buffer, place: Place): Buffer {
    this.#sealed ??= new SealedStore(
      this.#stateDir,
      this.#kek ?? kekOf(this.#stateDir),
      storeIdOf(this.#database),
    );
    const plain = this.#sealed.open(envelope, place);
    if (typeof plain === "string") throw new Error(`${place.column} ${place.row} ${plain}`);
    return plain;
  }

  #number(sql: string): number {
    return this.#database.prepare(sql).pluck().get() as number;
  }
}

/** Beside the configuration of an agent with a process of its own; else that of every test's outbox. */
function kekOf(stateDir: string): Uint8Array {
  const file = kekFileBeside(stateDir);
  return existsSync(file) ? readKek(file) : TEST_KEK.current;
}
