/** What commands on this machine ask about maintenance windows. @module */
import { AgentError } from "./errors.ts";
import type { Maintenance, MaintenanceWindow } from "./maintenance.ts";

/** Times are RFC 3339. */
export interface MaintenanceLine {
  /** Empty: of all that is at work. */
  readonly channel: string;
  readonly from: string;
  readonly until: string;
}

export interface MaintenanceDeskParts {
  readonly maintenance: Maintenance;
  /** Channels that there are, of either direction. */
  readonly names: () => readonly string[];
}

export class MaintenanceDesk {
  readonly #parts: MaintenanceDeskParts;

  constructor(parts: MaintenanceDeskParts) {
    this.#parts = parts;
  }

  list(): readonly MaintenanceLine[] {
    return this.#parts.maintenance.windows.map(lineOf);
  }

  /** @param channel empty: of all @throws {AgentError} `CHANNEL_UNKNOWN`, `MAINTENANCE_REFUSED`, `STORE_*` */
  async start(channel: string, minutes: number): Promise<readonly MaintenanceLine[]> {
    // A name that was typed wrong would mute nothing, and nobody would notice.
    if (channel !== "" && !this.#parts.names().includes(channel)) {
      throw new AgentError("CHANNEL_UNKNOWN", {});
    }
    return (await this.#parts.maintenance.start(channel, minutes)).map(lineOf);
  }

  /** @param channel empty: all windows @throws {AgentError} `STORE_*` */
  async stop(channel: string): Promise<readonly MaintenanceLine[]> {
    return (await this.#parts.maintenance.stop(channel)).map(lineOf);
  }
}

const lineOf = ({ channel, fromMs, untilMs }: MaintenanceWindow): MaintenanceLine => ({
  ...{ channel, from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() },
});
