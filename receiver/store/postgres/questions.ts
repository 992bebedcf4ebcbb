/**
 * Asking the database: one statement, one transaction, one round trip. The promise resolves when the
 * server is ready for the next question, which it is after the commit (RI7).
 *
 * @module
 */
import type { Pool } from "pg";
import { SQL } from "./statements.ts";

export type StatementName = keyof typeof SQL;

/** What a parameter may be; bytes are sent as they are, arrays as text. */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | null
  | readonly (string | number | bigint | null)[];

export class Questions {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * @returns rows in the shape of `Row`, which the statement has to have
   * @throws whatever `faultOf` explains; the connection is given up then
   */
  async rows<Row extends unknown[]>(
    name: StatementName,
    values: readonly Value[],
  ): Promise<readonly Row[]> {
    const { rows } = await this.#pool.query<Row>({
      name,
      text: SQL[name],
      values: [...values],
      rowMode: "array",
    });
    return rows;
  }

  /** @returns the first row of a statement that has at least one */
  async row<Row extends unknown[]>(name: StatementName, values: readonly Value[]): Promise<Row> {
    const [row] = await this.rows<Row>(name, values);
    if (row === undefined) throw new TypeError(`Cannot go on without a row of ${name}`);
    return row;
  }
}
