/** What a closed store holds, read from its file: the witness that the agent did not write. @module */
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { sha256Of, textOf } from "./messages.ts";

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

  /** @param stateDir of an agent that does not run: the store is locked while it does */
  constructor(stateDir: string) {
    this.#database = new Sqlite(join(stateDir, "outbox/holdfast.db"));
  }

  messageCount(): number {
    return this.#number("SELECT count(*) FROM message");
  }

  sliceCount(): number {
    return this.#number("SELECT count(*) FROM slice");
  }

  uploadCount(): number {
    return this.#number("SELECT count(*) FROM upload");
  }

  /** Everything that was set aside, oldest first. */
  quarantine(): SetAside[] {
    const rows = this.#database
      .prepare(
        "SELECT reason, bytes, upload, length, control_id, repeat_count FROM quarantine ORDER BY id",
      )
      .raw()
      .all() as [string, Uint8Array, number | null, number, Uint8Array, number][];
    return rows.map(([reason, bytes, upload, length, controlId, repeatCount]) => {
      const kept = upload === null ? bytes : this.#slices(upload);
      const controlText = textOf(controlId);
      return {
        reason,
        text: textOf(kept),
        sha256: sha256Of(kept),
        length,
        controlId: controlText,
        repeatCount,
      };
    });
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #slices(upload: number): Uint8Array {
    const parts = this.#database
      .prepare("SELECT bytes FROM slice WHERE upload = ? ORDER BY ordinal")
      .pluck()
      .all(upload) as Uint8Array[];
    return Buffer.concat(parts);
  }

  #number(sql: string): number {
    return this.#database.prepare(sql).pluck().get() as number;
  }
}
