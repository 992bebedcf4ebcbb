/**
 * The order of calls: those on one channel one after the other, those on other channels beside them,
 * and those on a whole agent behind everything before and before everything behind.
 *
 * @module
 */

interface Lane {
  /** Resolves when the latest call on the whole agent is done. */
  barrier: Promise<void>;
  readonly channels: Map<string, Promise<void>>;
  waitingCount: number;
}

export class Lanes {
  readonly #lanes = new Map<number, Lane>();

  /**
   * Runs `act` when its turn has come.
   *
   * @param channel null for the whole agent
   */
  async run<T>(agent: number, channel: string | null, act: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(agent) ?? {
      barrier: Promise.resolve(),
      channels: new Map(),
      waitingCount: 0,
    };
    this.#lanes.set(agent, lane);
    lane.waitingCount += 1;
    const before =
      channel === null
        ? Promise.all([lane.barrier, ...lane.channels.values()])
        : (lane.channels.get(channel) ?? lane.barrier);
    const done = Promise.withResolvers<void>();
    if (channel === null) {
      lane.barrier = done.promise;
      lane.channels.clear();
    } else lane.channels.set(channel, done.promise);
    try {
      await before;
      return await act();
    } finally {
      done.resolve();
      lane.waitingCount -= 1;
      if (lane.waitingCount === 0) this.#lanes.delete(agent);
    }
  }

  /** Resolves when everything is done that was asked before. */
  async drained(): Promise<void> {
    const lanes = [...this.#lanes.values()];
    await Promise.all(lanes.flatMap((lane) => [lane.barrier, ...lane.channels.values()]));
  }
}
