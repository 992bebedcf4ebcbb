/** SQL of the hours, with the index that each statement must use; part of `STATEMENTS`. @module */

const STRETCH = "id, direction, channel, epoch, first_seq, last_seq, hour, copies, chains";

export const HOUR_STATEMENTS = {
  stretchLast: {
    sql: `SELECT ${STRETCH}, told FROM stretch
          WHERE direction = ? AND channel = ? AND epoch = ? ORDER BY first_seq DESC LIMIT 1`,
    uses: "stretch_by_seq",
  },
  stretchInsert: {
    sql: `INSERT INTO stretch (${STRETCH}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    uses: "insert",
  },
  /** `told` stands in an index: it is left alone where it does not change. */
  stretchGrow: {
    sql: "UPDATE stretch SET last_seq = ?, copies = ?, chains = ? WHERE id = ?",
    uses: "primary key",
  },
  stretchRetell: { sql: "UPDATE stretch SET told = 0 WHERE id = ?", uses: "primary key" },
  stretchRetellBehind: {
    sql: `UPDATE stretch SET told = 0
          WHERE direction = 0 AND channel = ? AND epoch = ? AND last_seq > ?`,
    uses: "stretch_by_seq",
  },
  stretchUntold: {
    sql: `SELECT ${STRETCH} FROM stretch WHERE told = 0 AND hour < ? ORDER BY hour LIMIT ?`,
    uses: "stretch_untold",
  },
  stretchTold: { sql: "UPDATE stretch SET told = 1 WHERE id = ?", uses: "primary key" },
  stretchPage: {
    sql: `SELECT ${STRETCH} FROM stretch WHERE (hour, id) > (?, ?) AND hour < ?
          ORDER BY hour, id LIMIT ?`,
    uses: "stretch_by_hour",
  },
  stretchWalk: {
    sql: "SELECT id, channel, chains FROM stretch WHERE id > ? ORDER BY id LIMIT ?",
    uses: "primary key",
  },
  stretchReseal: { sql: "UPDATE stretch SET chains = ? WHERE id = ?", uses: "primary key" },
  stretchForget: {
    sql: "DELETE FROM stretch WHERE hour < ? AND told = 1",
    uses: "stretch_by_hour",
  },

  hourCountAdd: {
    sql: `INSERT INTO hour_count (hour, channel, duplicates, quarantined, refused, rejected)
          VALUES (?, ?, ?, ?, ?, ?)
          ON CONFLICT (hour, channel) DO UPDATE SET duplicates = duplicates + excluded.duplicates,
            quarantined = quarantined + excluded.quarantined, refused = refused + excluded.refused,
            rejected = rejected + excluded.rejected, told = 0`,
    uses: "insert",
  },
  hourCountUntold: {
    sql: `SELECT hour, channel, duplicates, quarantined, refused, rejected FROM hour_count
          WHERE told = 0 AND hour < ? ORDER BY hour LIMIT ?`,
    uses: "hour_count_untold",
  },
  hourCountTold: {
    sql: "UPDATE hour_count SET told = 1 WHERE hour = ? AND channel = ?",
    uses: "primary key",
  },
  hourCountPage: {
    sql: `SELECT hour, channel, duplicates, quarantined, refused, rejected FROM hour_count
          WHERE (hour, channel) > (?, ?) AND hour < ? ORDER BY hour, channel LIMIT ?`,
    uses: "primary key",
  },
  hourCountForget: {
    sql: "DELETE FROM hour_count WHERE hour < ? AND told = 1",
    uses: "primary key",
  },
  hourToldRead: { sql: "SELECT since, through FROM hour_told WHERE id = 1", uses: "primary key" },
  hourToldMove: {
    sql: "INSERT OR REPLACE INTO hour_told (id, since, through) VALUES (1, ?, ?)",
    uses: "insert",
  },

  /** What became of a stretch downstream: as many groups as there are states. */
  inboxFates: {
    sql: `SELECT count(*), sum(state < 2), sum(state = 2), sum(state IN (3, 5)), sum(state = 4)
          FROM inbox WHERE channel = ? AND epoch = ? AND seq BETWEEN ? AND ?`,
    uses: "inbox_by_seq",
  },
} as const;

export type HourIndex =
  | "stretch_by_seq"
  | "stretch_by_hour"
  | "stretch_untold"
  | "hour_count_untold";

/** Those whose epoch and seq may pass 2^53. */
export const HOUR_BIG_INTEGERS = [
  "stretchLast",
  "stretchUntold",
  "stretchPage",
] as const satisfies readonly (keyof typeof HOUR_STATEMENTS)[];
