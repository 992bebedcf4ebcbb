/**
 * What commands on this machine may ask a running agent: parsed here, at the door, and nowhere else.
 *
 * @module
 */

import type { AuditDesk } from "./audit-desk.ts";
import type { ChannelDesk, ReleaseQuestion, SkipQuestion } from "./channel-desk.ts";
import type { ConfigurationDesk } from "./configuration-desk.ts";
import { answerConfiguration, isAboutConfiguration } from "./configuration-questions.ts";
import { answerDrill, isAboutDrill } from "./drill-questions.ts";
import type { FilesDesk } from "./files-desk.ts";
import { type HourDesk, isAboutHours } from "./hour-desk.ts";
import type { IdentityDesk } from "./identity-desk.ts";
import type { MaintenanceDesk } from "./maintenance-desk.ts";
import type { OutageDrill } from "./outage-drill.ts";
import type { QuarantineDesk } from "./quarantine-desk.ts";
import { localActor } from "./recorded-questions.ts";
import type { ChannelSet } from "./running/channel-set.ts";
import type { AgentStatus } from "./status.ts";
import type { SupportDesk } from "./support-desk.ts";
import { answerSupport, isAboutSupport } from "./support-questions.ts";
import type { TraceResult } from "./trace.ts";
import type { Reconnected } from "./tunnel/tunnel.ts";
import type { UpdateDesk } from "./update-desk.ts";
import { answerUpdate, isAboutUpdates } from "./update-questions.ts";
import type { ReplayQuestion, UpkeepDesk } from "./upkeep-desk.ts";

/** Who answers. */
export interface LocalDesk {
  status(): Promise<AgentStatus>;
  trace(controlId: string): Promise<TraceResult>;
  /** Dials the receiver now, if that waits. */
  reconnect(): Reconnected;
  readonly audit: AuditDesk;
  readonly quarantine: QuarantineDesk;
  readonly upkeep: UpkeepDesk;
  readonly channels: ChannelDesk;
  readonly files: FilesDesk;
  readonly maintenance: MaintenanceDesk;
  readonly hours: HourDesk;
  readonly drill: Pick<OutageDrill, "report" | "start" | "stop">;
  /** What runs. */
  readonly running: { readonly set: ChannelSet };
  readonly identity: Pick<IdentityDesk, "renew" | "adopt">;
  /** Absent where the agent was not enrolled. */
  readonly configuration: ConfigurationDesk | undefined;
  readonly support: SupportDesk;
  readonly updates: UpdateDesk;
}

/**
 * Answers one request.
 *
 * @param request whatever came through the socket
 * @throws {TypeError} if it is none of the questions
 * @throws {AgentError} what the answer is, where it is a refusal
 */
export function answerLocal(request: unknown, desk: LocalDesk): Promise<unknown> {
  const question = request as Partial<Record<string, unknown>>;
  const number = (name: string): number => wholeNumber(question[name]);
  const { ask, digest } = question;
  if (ask === "configDecide" && typeof digest === "string" && desk.support.isWaiting(digest)) {
    return decideQuestion(question, digest, desk);
  }
  if (isAboutConfiguration(question)) return answerConfiguration(question, desk.configuration);
  if (isAboutSupport(question)) return answerSupport(question, desk.support);
  if (isAboutUpdates(question)) return answerUpdate(question, desk.updates);
  if (isAboutDrill(question)) return answerDrill(question, desk.drill);
  if (isAboutHours(question)) return desk.hours.answer(question);
  switch (question["ask"]) {
    case "status":
      return desk.status();
    case "running":
      return Promise.resolve(desk.running.set);
    case "reconnect":
      return Promise.resolve(desk.reconnect());
    case "trace":
      return desk.trace(textOf(question["controlId"]));
    case "files":
      return desk.files.list(textOf(question["channel"]), number("beforeId"));
    case "auditPage":
      return desk.audit.page(number("afterSeq"), number("limit"));
    case "auditStanding":
      return desk.audit.standing();
    case "statusSigned":
      return desk.audit.signedStatus();
    case "quarantineList":
      return desk.quarantine.list(number("beforeId"));
    case "quarantineShow":
      return desk.quarantine.show(number("id"), number("from"), number("maxBytes"));
    case "quarantineRelease":
      return desk.quarantine.release(number("id"));
    case "quarantineDiscard":
      return desk.quarantine.discard(listOf(question["ids"]).map(wholeNumber));
    case "backup":
      return desk.upkeep.backup(textOf(question["folder"]));
    case "backupProgress":
      return Promise.resolve(desk.upkeep.progress());
    case "replay":
      return desk.upkeep.replay(replayOf(question));
    case "rekey":
      return desk.upkeep.rekey();
    case "identityRenew":
      return desk.identity.renew();
    case "identityAdopt":
      return desk.identity.adopt();
    case "maintenance":
      return Promise.resolve(desk.maintenance.list());
    case "maintenanceStart":
      return desk.maintenance.start(textOf(question["channel"]), number("minutes"));
    case "maintenanceStop":
      return desk.maintenance.stop(textOf(question["channel"]));
    case "channelRelease":
      return desk.channels.release(releaseOf(question));
    case "channelHold":
      return desk.channels.holdByHand(textOf(question["channel"]), localActor(question));
    case "channelUnhold":
      return desk.channels.releaseByHand(textOf(question["channel"]), localActor(question));
    case "channelSkip":
      return desk.channels.skip(skipOf(question));
    default:
      throw new TypeError("Cannot answer an unknown question");
  }
}

/** `config approve` is one command for everything that needs a yes (08 4.4). */
async function decideQuestion(
  question: Partial<Record<string, unknown>>,
  digest: string,
  { support, configuration }: LocalDesk,
): Promise<unknown> {
  const isYes = question["decision"] === "approve";
  await support.decide(digest, isYes, localActor(question));
  return { done: configuration?.status };
}

function replayOf(question: Partial<Record<string, unknown>>): ReplayQuestion {
  const number = (name: string): number | undefined =>
    question[name] === undefined ? undefined : wholeNumber(question[name]);
  const { controlId } = question;
  return {
    channel: textOf(question["channel"]),
    epoch: number("epoch"),
    firstSeq: number("firstSeq"),
    lastSeq: number("lastSeq"),
    fromMs: number("fromMs"),
    toMs: number("toMs"),
    controlId: controlId === undefined ? undefined : textOf(controlId),
    dryRun: question["dryRun"] !== false,
  };
}

function releaseOf(question: Partial<Record<string, unknown>>): ReleaseQuestion {
  const decision = question["decision"] === "quarantine" ? "quarantine" : "retry";
  return { channel: textOf(question["channel"]), decision };
}

function skipOf(question: Partial<Record<string, unknown>>): SkipQuestion {
  return {
    channel: textOf(question["channel"]),
    firstSeq: wholeNumber(question["firstSeq"]),
    lastSeq: wholeNumber(question["lastSeq"]),
    confirmed: question["confirmed"] === true,
  };
}

function wholeNumber(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError("Cannot answer a question without its number");
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("Cannot answer a question without its text");
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError("Cannot answer a question without its list");
}
