/** Who answers commands on this machine: a desk for each thing that is asked about, on the parts that run. @module */
import type { LocalConfig } from "#config/local.ts";
import { AuditDesk } from "./audit-desk.ts";
import { ChannelDesk } from "./channel-desk.ts";
import type { ChannelHolds } from "./channel-holds.ts";
import type { ConfigurationDesk } from "./configuration-desk.ts";
import type { DamagedRows } from "./damaged-rows.ts";
import { FilesDesk } from "./files-desk.ts";
import type { Log } from "./host/log.ts";
import { HourDesk } from "./hour-desk.ts";
import type { IdentityDesk } from "./identity-desk.ts";
import type { LocalDesk } from "./local-questions.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { QuarantineDesk } from "./quarantine-desk.ts";
import type { Recording } from "./recording.ts";
import type { Relay } from "./relay/relay.ts";
import type { RunningChannels } from "./running/running-channels.ts";
import type { SupportDesk } from "./support-desk.ts";
import type { UpdateDesk } from "./update-desk.ts";
import { UpkeepDesk } from "./upkeep-desk.ts";

export interface LocalDeskParts
  extends Pick<LocalDesk, "status" | "trace" | "reconnect" | "maintenance" | "drill"> {
  readonly outbox: Outbox;
  readonly relay: Relay;
  readonly running: RunningChannels;
  readonly recording: Recording;
  readonly identity: IdentityDesk;
  /** Absent where the agent was not enrolled. */
  readonly configuration: ConfigurationDesk | undefined;
  readonly damaged: DamagedRows;
  readonly holds: ChannelHolds;
  readonly support: SupportDesk;
  readonly updates: UpdateDesk;
  readonly config: LocalConfig;
  readonly log: Log;
  readonly version: string;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentials: string | undefined;
}

export function localDesk(parts: LocalDeskParts): LocalDesk {
  const { outbox, relay, running, recording, identity, config, log } = parts;
  const { status, trace, reconnect, configuration, damaged, version, credentials } = parts;
  const { maintenance, drill } = parts;
  const { exclusively } = identity;
  return {
    ...{ status, trace, reconnect, running, identity, configuration, maintenance, drill },
    ...{ support: parts.support, updates: parts.updates },
    audit: new AuditDesk({ recording, trust: outbox.trust, keepDays: config.auditKeepDays }),
    quarantine: new QuarantineDesk({ outbox, log, running }),
    files: new FilesDesk({ outbox, running }),
    hours: new HourDesk(outbox),
    upkeep: new UpkeepDesk({ outbox, log, config, version, credentials, exclusively }),
    channels: new ChannelDesk({
      outbox,
      relay,
      damaged,
      log,
      holds: parts.holds,
      senders: running.senders,
    }),
  };
}
