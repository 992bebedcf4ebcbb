/** What remote diagnostics needs of the running agent. @module */
import type { LocalConfig } from "#config/local.ts";
import type { ChannelHolds } from "./channel-holds.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Configuration } from "./configuration/configuration.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Chance, Clock } from "./host/clock.ts";
import type { EventRing } from "./host/event-ring.ts";
import type { Log } from "./host/log.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { DeviceIdentity, Recording } from "./recording.ts";
import type { RunningChannels } from "./running/running-channels.ts";
import type { AgentStatus } from "./status.ts";

/** Of the agent, as far as it is open by then. */
export interface ControlStage {
  readonly outbox: Outbox;
  readonly recording: Pick<Recording, "audit" | "signer" | "signedStatus">;
  readonly commands: CommandDesk;
  readonly running: Pick<RunningChannels, "set">;
  readonly holds: ChannelHolds;
}

export interface ControlOptions extends ControlStage {
  readonly config: LocalConfig;
  /** Absent: nobody can ask, for there is nobody to be believed. */
  readonly enrolled:
    | { readonly device: DeviceIdentity; readonly configuration: Configuration }
    | undefined;
  readonly events: EventRing;
  readonly status: () => Promise<AgentStatus>;
  readonly startedAtMs: number;
  /** The receiver's clock minus ours. */
  readonly skewMs: () => number | undefined;
  /** That the tunnel shows, PEM. */
  readonly ownCertificate: () => string | undefined;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
}
