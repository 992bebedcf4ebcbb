/** Defects of durability, as changes of the source: what the rigs have to notice. @module */
import type { Edit } from "./planted-copy.ts";

/** The store is not flushed at a commit, and nobody asks (T-M01). */
export const SYNCHRONOUS_NORMAL: readonly Edit[] = [
  {
    file: "agent/outbox/format/database.ts",
    search: '"synchronous = FULL"',
    replacement: '"synchronous = NORMAL"',
  },
  {
    file: "agent/outbox/format/database.ts",
    search: "const SYNCHRONOUS_FULL = 2;",
    replacement: "const SYNCHRONOUS_FULL = 1;",
  },
];

/**
 * A group is reported as committed 300 ms before COMMIT, or until the next group (T-M02). The pause is needed:
 * under rig A a flush is only noted and takes no time, and senders on a busy machine hear their answers late.
 */
export const ACKNOWLEDGE_BEFORE_COMMIT: readonly Edit[] = [
  {
    file: "agent/outbox/writing/group-commit.ts",
    search: '    this.#database.exec("BEGIN IMMEDIATE");',
    replacement: `    if (this.#database.inTransaction) this.#database.exec("COMMIT");
    this.#database.exec("BEGIN IMMEDIATE");`,
  },
  {
    file: "agent/outbox/writing/group-commit.ts",
    search: '      this.#database.exec("COMMIT");',
    replacement: `      setTimeout(() => {
        if (this.#database.inTransaction) this.#database.exec("COMMIT");
      }, 300);`,
  },
];

/** The receiver answers 20 ms before COMMIT, or until its next one. */
export const RECEIVER_ANSWERS_BEFORE_COMMIT: readonly Edit[] = [
  {
    file: "receiver/store/sqlite/commit.ts",
    search: "    sql.begin.run();",
    replacement: `    if (sql.begin.database.inTransaction) sql.begin.database.exec("COMMIT");
    sql.begin.run();`,
  },
  {
    file: "receiver/store/sqlite/commit.ts",
    search: "    sql.commit.run();",
    replacement: `    setTimeout(() => {
      if (sql.begin.database.inTransaction) sql.commit.run();
    }, 20);`,
  },
];
