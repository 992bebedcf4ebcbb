/** What operations may ask of the running agent: snapshots that other parts make, and never a message (08 4.4). @module */
import type { AgentStatus } from "../status.ts";

export interface ClockFacts {
  readonly nowMs: number;
  readonly upSinceMs: number;
  /** The receiver's clock minus ours at the last WELCOME. */
  readonly skewMs: number | undefined;
  /** 07 2.5. */
  readonly floorMs: number;
  readonly isSuspect: boolean;
}

export interface DiskFacts {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Of what the store flushed just now, one after the other. */
  readonly flushMs: readonly number[];
  readonly custody: "file" | "credential";
}

export interface ControlFacts {
  readonly status: () => Promise<AgentStatus>;
  readonly clock: () => ClockFacts;
  readonly disk: () => Promise<DiskFacts>;
}
