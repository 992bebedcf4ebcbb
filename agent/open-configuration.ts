/** Signed configuration in the running agent, opened behind the channels and closed before them (07 2). @module */
import { dirname } from "node:path";
import type { LocalConfig } from "#config/local.ts";
import type { Role } from "#documents/role.ts";
import { Configuration } from "./configuration/configuration.ts";
import { DOCUMENTS_CHANNEL, DocumentsChannel } from "./configuration/documents-channel.ts";
import { inspectLastGood } from "./configuration/last-good-bundle.ts";
import { LocalActions } from "./configuration/local-actions.ts";
import { type ConfigurationParts, forbiddenKeys } from "./configuration/parts.ts";
import { ConfigurationDesk } from "./configuration-desk.ts";
import { codeOf } from "./errors.ts";
import type { Log } from "./host/log.ts";
import type { LastGoodState } from "./marks/judge-trust-state.ts";
import { forgetEnrolment, isNewlyEnrolled } from "./marks/new-enrolment.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { DeviceIdentity, Recording } from "./recording.ts";

export interface OpenedConfiguration extends AsyncDisposable {
  readonly configuration: Configuration;
  readonly desk: ConfigurationDesk;
}

export type ConfigurationOptions = Omit<
  ConfigurationParts,
  | "audit"
  | "keeper"
  | "trust"
  | "recipient"
  | "deviceKey"
  | "policy"
  | "places"
  | "stateDir"
  | "configSource"
  | "report"
  | "synthetic"
  | "enrolment"
> & {
  readonly outbox: Outbox;
  readonly recording: Pick<ConfigurationParts, "audit" | "keeper"> &
    Pick<Recording, "signedStatus">;
  readonly device: DeviceIdentity;
  readonly config: LocalConfig;
  /** `local.yaml`, absolute. */
  readonly configFile: string | undefined;
  /** Envelopes of the chain that came with the identity in use. */
  readonly enrolled: () => readonly Uint8Array[];
};

const RECEIVER = { kind: "receiver", id: DOCUMENTS_CHANNEL } as const;
/** States that follow each other at once are told once. */
const REPORT_MS = 1_000;

/** @throws {AgentError} `TRUST_UNUSABLE`; why what should run cannot */
export async function openConfiguration(
  options: ConfigurationOptions,
): Promise<OpenedConfiguration> {
  const { recording, outbox, device, config, enrolled, configFile, ...rest } = options;
  const { clock, log } = rest;
  await using opening = new AsyncDisposableStack();
  let isDue = false;
  const told = async (): Promise<boolean> => {
    try {
      await recording.signedStatus();
      return true;
    } catch {
      // The next head tells it.
      return false;
    }
  };
  const report = (): void => {
    if (isDue) return;
    isDue = true;
    clock.after(REPORT_MS, () => {
      isDue = false;
      void told();
    });
  };
  const parts: ConfigurationParts = {
    ...rest,
    ...{ audit: recording.audit, keeper: recording.keeper, trust: outbox.trust },
    recipient: { tenant: device.tenant, agent: device.agent },
    deviceKey: device.key.raw,
    ...{ policy: config.policy, places: { reserved: reservedIn(config, configFile) } },
    ...{ stateDir: config.stateDir, configSource: config.configSource, report, synthetic: told },
    enrolment: {
      chain: enrolled,
      isNew: () => isNewlyEnrolled(config.stateDir, device.key.raw),
      noted: () => forgotten(config.stateDir, log),
    },
  };
  const configuration = opening.use(await Configuration.open(parts));
  opening.use(
    new DocumentsChannel({
      ...{ clock, log, queue: outbox.inbox.queueOf(DOCUMENTS_CHANNEL) },
      take: (envelope) => configuration.take(envelope, RECEIVER),
    }),
  );
  const desk = new ConfigurationDesk(configuration, new LocalActions(parts, configuration), parts);
  const stack = opening.move();
  return { configuration, desk, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function forgotten(stateDir: string, log: Log): void {
  try {
    forgetEnrolment(stateDir);
  } catch (error) {
    log.write("marksFailed", { sysCode: codeOf(error) });
  }
}

/** Where no channel may read or write: what is the agent's own (07 2.7). */
function reservedIn(
  { stateDir, kek, identity }: LocalConfig,
  configFile: string | undefined,
): string[] {
  const files = [
    ...(kek.custody === "credential" ? [] : [kek.file]),
    ...(identity === undefined ? [] : [identity.certificate, identity.key, identity.receiverCa]),
    ...(configFile === undefined ? [] : [configFile]),
  ];
  return [stateDir, ...files.map((file) => dirname(file))];
}

/** 2.12: looked at before anything is opened. */
export function lastGoodState(
  bundle: Uint8Array,
  { key, tenant, agent }: DeviceIdentity,
  { policy }: LocalConfig,
  anchor: Role,
): LastGoodState {
  const found = inspectLastGood(bundle, {
    ...{ anchor, recipient: { tenant, agent } },
    forbiddenKeys: forbiddenKeys({ policy, deviceKey: key.raw }),
  });
  return found === undefined
    ? { kind: "unusable" }
    : { kind: "verified", digest: found.config.digest };
}
