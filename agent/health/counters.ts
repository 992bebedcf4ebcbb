/** What happened on a channel since the process started, in numbers. @module */

/** Names are public: they are the rows of `status` and, later, metric names. */
export const COUNTER_NAMES = [
  "connections",
  "probes",
  "refusedConnections",
  "received",
  "receivedBytes",
  "stored",
  "duplicates",
  "quarantined",
  "quarantinedRepeats",
  "fragments",
  "tooLarge",
  "emptyBlocks",
  "junkBytes",
  "controlBytes",
  "notMllp",
  "cannotStore",
  "damaged",
  "quarantineFull",
  "repliesPositive",
  "repliesNegative",
  "repliesUndelivered",
  "batches",
  "batchMessages",
  "staleClosed",
  "idleClosed",
  "tlsFailures",
  "lenientEnd",
  "bytesAfterLenientEnd",
  "unknownAckCondition",
  "applicationAckUnserved",
  "waitsDespiteNever",
  "controlIdReused",
  "multipleMessages",
  "batchCountMismatch",
  "charsetMismatch",
  "sequenceGap",
  "sequenceRepeated",
  "filesTaken",
  "filesPartial",
  "filesRepeated",
  "filesAside",
  "filesRefused",
  "filesChanged",
  "filesPruned",
  "filesVanished",
  "filesPutBack",
  "lateWrites",
  "framedInFile",
  "leftoverInFile",
] as const;
export type CounterName = (typeof COUNTER_NAMES)[number];

/** The counters of one channel. They only go up; a restart begins at zero. */
export class ChannelCounters {
  readonly #values = new Map<CounterName, number>();

  add(name: CounterName, count = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + count);
  }

  value(name: CounterName): number {
    return this.#values.get(name) ?? 0;
  }

  /** Every counter that is not zero, in the order of `COUNTER_NAMES`. */
  snapshot(): Partial<Record<CounterName, number>> {
    const nonZero = COUNTER_NAMES.filter((name) => this.value(name) > 0);
    return Object.fromEntries(nonZero.map((name) => [name, this.value(name)]));
  }
}
