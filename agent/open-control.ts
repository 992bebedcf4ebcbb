/** Remote diagnostics in the running agent: what may be asked, and by whom it is allowed (08 4). @module */
import type { LocalConfig } from "#config/local.ts";
import { isClockSuspect } from "#documents/time.ts";
import { roleOf } from "#documents/trust-rules.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Configuration } from "./configuration/configuration.ts";
import { Consent } from "./control/consent.ts";
import { Control } from "./control/control.ts";
import type { ControlFacts, DiskFacts } from "./control/facts.ts";
import { Rate } from "./control/rate.ts";
import { runners, runWith } from "./control/run.ts";
import { SupportSwitch } from "./control/support-switch.ts";
import { AgentError } from "./errors.ts";
import type { Conditions } from "./health/conditions.ts";
import type { Chance, Clock } from "./host/clock.ts";
import { diskSpaceOf } from "./host/disk-space.ts";
import type { Log } from "./host/log.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { appendOwn } from "./own-messages.ts";
import type { DeviceIdentity, Recording } from "./recording.ts";
import type { AgentStatus } from "./status.ts";
import { SupportDesk } from "./support-desk.ts";

/** Answers above 16 KiB go up there (06 TP35). */
export const ANSWERS_CHANNEL = "$answers";
const FLUSHES = 3;
/** How often it is looked for copies that are too old. */
const FORGET_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface ControlOptions {
  readonly config: LocalConfig;
  readonly outbox: Outbox;
  readonly recording: Pick<Recording, "audit">;
  readonly commands: CommandDesk;
  /** Absent: nobody can ask, for there is nobody to be believed. */
  readonly enrolled:
    | { readonly device: DeviceIdentity; readonly configuration: Configuration }
    | undefined;
  readonly status: () => Promise<AgentStatus>;
  readonly startedAtMs: number;
  /** The receiver's clock minus ours. */
  readonly skewMs: () => number | undefined;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly conditions: Conditions;
}

/** @returns what a person at the machine asks; disposed, nothing is answered any more */
export function openControl(options: ControlOptions): SupportDesk {
  const { config, outbox, recording, commands, enrolled, clock, log, conditions } = options;
  const { stateDir, policy } = config;
  const consent = new Consent({
    ...{ policy: policy.support, clock, killSwitch: new SupportSwitch(stateDir) },
  });
  const control = enrolled && controlOf(options, enrolled, consent);
  if (control !== undefined) commands.openTo(control);
  return new SupportDesk({
    ...{ consent, control, policy: policy.support, audit: recording.audit },
    ...{ copies: outbox.support, clock, log, conditions },
    forgetting: {
      everyMs: FORGET_EVERY_MS,
      keepMs: Math.max(1, policy.support.sentCopyDays) * DAY_MS,
    },
  });
}

function controlOf(
  options: ControlOptions,
  { device, configuration }: NonNullable<ControlOptions["enrolled"]>,
  consent: Consent,
): Control {
  const { outbox, recording, commands, clock, log, conditions } = options;
  const { ledger } = configuration;
  const all = runners(factsOf(options, configuration));
  return new Control({
    recipient: { tenant: device.tenant, agent: device.agent },
    role: () => (ledger.trust === undefined ? undefined : roleOf(ledger.trust, "command")),
    time: () => ledger.time,
    hasNonce: (nonce) => outbox.trust.hasNonce(nonce),
    ...{ consent, rate: new Rate(clock), audit: recording.audit, copies: outbox.support },
    run: (operation, signal) => runWith(all, operation, signal),
    seal: () => {
      throw new AgentError("AGENT_DEFECT", {});
    },
    sendLarge: (body) =>
      appendOwn(outbox, {
        ...{ channel: ANSWERS_CHANNEL, controlId: "answer", atMs: clock.nowMs(), body },
      }),
    reply: (id, reply) => commands.reply(id, reply),
    ...{ clock, log, conditions },
  });
}

function factsOf(options: ControlOptions, { ledger }: Configuration): ControlFacts {
  const { status, startedAtMs, skewMs, clock } = options;
  return {
    status,
    clock: () => ({
      ...{ nowMs: clock.nowMs(), upSinceMs: startedAtMs, skewMs: skewMs() },
      ...{ floorMs: ledger.time.floorMs, isSuspect: isClockSuspect(ledger.time) },
    }),
    disk: () => diskFacts(options),
  };
}

async function diskFacts({ config, outbox, clock }: ControlOptions): Promise<DiskFacts> {
  const { totalBytes, freeBytes } = await diskSpaceOf(config.stateDir);
  const flushMs: number[] = [];
  for (let count = 0; count < FLUSHES; count++) {
    const beganMs = clock.monotonicMs();
    await outbox.probe();
    flushMs.push(Math.round((clock.monotonicMs() - beganMs) * 100) / 100);
  }
  return { totalBytes, freeBytes, flushMs, custody: config.kek.custody };
}
