/** Everybody whom commands on this machine may ask, behind the local socket. @module */
import { AuditDesk } from "./audit-desk.ts";
import { ChannelDesk, type ChannelDeskParts } from "./channel-desk.ts";
import { BUNDLED } from "./configuration-questions.ts";
import { FilesDesk } from "./files-desk.ts";
import { LocalSocket } from "./host/local-socket.ts";
import type { IdentityDesk } from "./identity-desk.ts";
import { answerLocal, type LocalDesk } from "./local-questions.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { QuarantineDesk } from "./quarantine-desk.ts";
import { recorded } from "./recorded-questions.ts";
import type { Recording } from "./recording.ts";
import type { RunningChannels } from "./running/running-channels.ts";
import { UpkeepDesk, type UpkeepDeskParts } from "./upkeep-desk.ts";

export interface LocalDeskParts
  extends Pick<LocalDesk, "status" | "trace" | "reconnect" | "configuration" | "support">,
    Pick<UpkeepDeskParts, "config" | "version" | "credentials">,
    Pick<ChannelDeskParts, "relay" | "damaged" | "log" | "holds"> {
  readonly outbox: Outbox;
  readonly recording: Recording;
  readonly running: RunningChannels;
  readonly identity: IdentityDesk;
}

/** @throws {AgentError} `LOCAL_SOCKET_FAILED` */
export async function openLocalDesk(parts: LocalDeskParts): Promise<LocalSocket> {
  const { outbox, recording, running, identity, log, config, version, credentials } = parts;
  const { exclusively } = identity;
  const desk: LocalDesk = {
    ...parts,
    audit: new AuditDesk({ recording, trust: outbox.trust, keepDays: config.auditKeepDays }),
    quarantine: new QuarantineDesk({ outbox, log, running }),
    files: new FilesDesk({ outbox, running }),
    upkeep: new UpkeepDesk({ outbox, log, config, version, credentials, exclusively }),
    channels: new ChannelDesk({ ...parts, senders: running.senders }),
  };
  const answer = async (request: unknown): Promise<unknown> => answerLocal(request, desk);
  return await LocalSocket.open(config.stateDir, recorded(recording.audit, answer), BUNDLED);
}
