/** What every running channel works with. @module */
import type { Holds } from "../deliver/held-queue.ts";
import type { Conditions } from "../health/conditions.ts";
import type { Chance, Clock } from "../host/clock.ts";
import type { Log } from "../host/log.ts";
import type { PassedSockets } from "../host/passed-sockets.ts";
import type { Tasks } from "../host/tasks.ts";
import type { Doorway } from "../ingest/accept.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Relay } from "../relay/relay.ts";

export interface RunningParts {
  readonly outbox: Outbox;
  readonly relay: Pick<Relay, "follow">;
  /** Of the agent itself: they come from the receiver whatever the set. */
  readonly ownDownstream?: readonly string[];
  /** Channels that a person has stopped by hand. */
  readonly holds?: Holds;
  readonly doorway: Doorway;
  /** Ports that the service manager holds; absent: none. */
  readonly sockets?: PassedSockets | undefined;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
  readonly tasks: Tasks;
  /** 03 E8: what was read is answered within it, then connections are cut. */
  readonly graceMs: number;
  readonly diskBudgetBytes: number;
  /** Told of a defect in the background work of a channel. */
  readonly failed: (name: string, error: unknown) => void;
}
