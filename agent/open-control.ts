/** Remote diagnostics in the running agent: what may be asked, and by whom it is allowed (08 4). @module */
import { sealForSupport } from "#documents/support-seal.ts";
import { roleOf } from "#documents/trust-rules.ts";
import { makeBundle } from "./control/bundle.ts";
import { Consent } from "./control/consent.ts";
import { Control } from "./control/control.ts";
import { Probes } from "./control/probes.ts";
import { Rate } from "./control/rate.ts";
import { type RunParts, runners, runWith } from "./control/run.ts";
import { SupportSwitch } from "./control/support-switch.ts";
import { controlFacts } from "./control-facts.ts";
import type { ControlOptions } from "./control-options.ts";
import { AgentError, codeOf } from "./errors.ts";
import { appendOwn } from "./own-messages.ts";
import { probeNetwork } from "./probe-network.ts";
import { SupportDesk } from "./support-desk.ts";

/** Answers above 16 KiB go up there (06 TP35). */
export const ANSWERS_CHANNEL = "$answers";
/** How often it is looked for copies that are too old. */
const FORGET_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Who asked, and who said yes, stands in the entries before. */
const SUPPORT = { kind: "system", id: "support" } as const;

/** @returns what a person at the machine asks; disposed, nothing is answered any more */
export function openControl(options: ControlOptions): SupportDesk {
  const { config, outbox, recording, commands, enrolled, clock, chance, log, conditions } = options;
  const support = config.policy.support;
  const killSwitch = new SupportSwitch(config.stateDir);
  const consent = new Consent({ policy: support, clock, killSwitch });
  const facts = controlFacts(options);
  const probes = new Probes({
    ...{ consent, clock, network: probeNetwork(clock) },
    hosts: () => facts.configuration().hosts,
  });
  const holds = holdsFor(options);
  const parts: RunParts = { facts, probes, holds, chance, clock };
  const held = (id: number): void => desk.held(id);
  const waiting = (): void => desk.waitingChanged();
  const control = enrolled && controlOf(options, enrolled, { consent, parts, held, waiting });
  const desk = new SupportDesk({
    ...{ consent, control, policy: support, audit: recording.audit, copies: outbox.support },
    ...{ clock, chance, log, conditions, bundle: (names) => makeBundle(parts, names) },
    forgetting: {
      everyMs: FORGET_EVERY_MS,
      keepMs: Math.max(1, support.sentCopyDays) * DAY_MS,
    },
  });
  if (control !== undefined) commands.openTo(control);
  return desk;
}

function controlOf(
  options: ControlOptions,
  { device, configuration }: NonNullable<ControlOptions["enrolled"]>,
  asking: {
    readonly consent: Consent;
    readonly parts: RunParts;
    readonly held: (id: number) => void;
    readonly waiting: () => void;
  },
): Control {
  const { config, outbox, recording, commands, clock, log, conditions } = options;
  const { consent, parts, held, waiting } = asking;
  const { ledger } = configuration;
  const all = runners(parts);
  return new Control({
    recipient: { tenant: device.tenant, agent: device.agent },
    role: () => (ledger.trust === undefined ? undefined : roleOf(ledger.trust, "command")),
    time: () => ledger.time,
    hasNonce: (nonce) => outbox.trust.hasNonce(nonce),
    ...{ consent, rate: new Rate(clock), audit: recording.audit, copies: outbox.support },
    run: (operation, signal) => runWith(all, operation, signal),
    seal: (plain) => sealed(plain, ledger.trust?.supportKey),
    sendLarge: (body) => {
      const atMs = clock.nowMs();
      return appendOwn(outbox, { channel: ANSWERS_CHANNEL, controlId: "answer", atMs, body });
    },
    ...{ releaseMode: config.policy.support.releaseMode, onHeld: held, onWaiting: waiting },
    reply: (id, reply) => commands.reply(id, reply),
    ...{ clock, log, conditions },
  });
}

/** What support may change, once a person has said yes: a channel that exists, and none of our own. */
function holdsFor({ holds, running }: ControlOptions): RunParts["holds"] {
  const mustExist = (channel: string): void => {
    const { channels, drops, senders, folderSenders } = running.set;
    const all = [...channels, ...drops, ...senders, ...folderSenders];
    if (!all.some(({ name }) => name === channel)) throw new AgentError("CHANNEL_UNKNOWN", {});
  };
  return {
    hold: async (channel) => {
      mustExist(channel);
      await holds.hold(channel, SUPPORT);
    },
    release: (channel) => holds.release(channel, SUPPORT),
  };
}

/** @throws {AgentError} `SUPPORT_KEY_UNUSABLE`: nothing leaves that others could read */
function sealed(plain: Uint8Array, supportKey: string | undefined): Uint8Array {
  try {
    if (supportKey !== undefined) return sealForSupport(plain, supportKey);
  } catch (cause) {
    throw unusable(cause);
  }
  throw unusable(undefined);
}

const unusable = (cause: unknown): AgentError =>
  new AgentError("SUPPORT_KEY_UNUSABLE", { sysCode: codeOf(cause) }, { cause });
