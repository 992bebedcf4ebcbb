/** What the thread that watches the main loop is given. @module */

export interface WatchdogData {
  /** Grows with each turn of the loop. */
  readonly turns: Int32Array;
  readonly limitMs: number;
}
