/** One process in the simulation, from its start to its end: what belongs to one that ended never happens. @module */

export class Life {
  isAlive = true;
  /** What fell due while it was stopped (SIGSTOP), in order; undefined while it runs. */
  stalled: (() => void)[] | undefined;

  get isPaused(): boolean {
    return this.stalled !== undefined;
  }
}
