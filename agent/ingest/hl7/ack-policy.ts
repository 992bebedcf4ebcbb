/**
 * Which acknowledgment a message is owed: pure, from MSH-15, MSH-16 and the channel's settings (03 A3 to A6, A12).
 *
 * @module
 */
import type { Msh } from "./msh.ts";

/** 03 A3. */
export type AckMode = "auto" | "storeAA" | "commitOnly" | "none" | "r2" | "deferred";

/** What happened to the message, as far as its sender is concerned. */
export type Verdict = "stored" | "rejected" | "cannotStore";

/** MSA-1, HL7 table 0008. In mode `r2` the second letter stands for 0x06 and 0x15. */
export type AckCode = "AA" | "AE" | "AR" | "CA" | "CE" | "CR";

export interface AckDecision {
  /** `undefined`: nothing is sent. */
  readonly code: AckCode | undefined;
  /** The connection is closed instead of a reply, or behind it. */
  readonly close: boolean;
  /** MSH-15 or MSH-16 holds a value that HL7 table 0155 does not have. */
  readonly unknownCondition: boolean;
  /** MSH-16 asks for an application acknowledgment, and none is given on commit (03 A6). */
  readonly applicationAckDue: boolean;
  /** MSH-15 and MSH-16 ask for silence on this outcome (the "nothing" cells of 03 A4). */
  readonly silentByRequest: boolean;
}

export interface AckPolicy {
  readonly ackMode: AckMode;
  /** 03 A5: a sender that fills only MSH-16 with AL usually waits on the same socket. */
  readonly neAlAsOriginal: boolean;
  /** 03 A12: CA for an application acknowledgment that asks for one. */
  readonly answerApplicationAck: boolean;
  /** 03 E2. */
  readonly malformedReply: "reject" | "error" | "accept" | "close";
  /** 03 E1. */
  readonly cannotStoreReply: "close" | "error" | "reject";
}

type Condition = "AL" | "SU" | "ER" | "NE" | "unknown";
/** What is said before the channel's wishes about negative codes are heard. */
type Answer = "accept" | "reject" | undefined;
/** Original mode speaks AA, AE, AR; enhanced mode CA, CE, CR at commit. */
type Family = "A" | "C";

const MESSAGE_TYPE_FIELD = 9;
const ACCEPT_CONDITION_FIELD = 15;
const APPLICATION_CONDITION_FIELD = 16;

/**
 * @param msh `undefined` where no header could be read: original mode then
 * @param acknowledges MSA-1 of the message itself, where it is an acknowledgment
 */
export function decideAck(
  policy: AckPolicy,
  msh: Msh | undefined,
  verdict: Verdict,
  acknowledges = "",
): AckDecision {
  // 03 A12: an acknowledgment is stored and forwarded, never answered.
  if (msh !== undefined && isAcknowledgmentType(msh.component(MESSAGE_TYPE_FIELD))) {
    return acknowledgmentOf(policy, msh, verdict, acknowledges);
  }
  if (policy.ackMode === "none") return verdict === "cannotStore" ? hangUp : silence;
  // Most of the traffic, and so without a step more.
  if (verdict === "stored" && policy.ackMode === "auto" && asksForNothing(msh)) return plainAA;
  const conditions = conditionsOf(policy, msh);
  const { accept, application, family } = conditions;
  const unknownCondition = accept === "unknown" || application === "unknown";
  const common = { ...silence, unknownCondition };
  if (verdict === "cannotStore") {
    const letter = policy.cannotStoreReply === "error" ? "E" : "R";
    if (policy.cannotStoreReply === "close") return { ...common, close: true };
    return { ...common, code: `${family}${letter}` };
  }
  const stored = verdict === "stored";
  const accepted = answerTo(conditions, true);
  const answer = stored ? accepted : answerTo(conditions, false);
  const applicationAckDue = stored && isApplicationAckDue(policy, conditions);
  const silentByRequest = answer === undefined;
  const decision = { ...common, applicationAckDue, silentByRequest };
  if (stored) return { ...decision, code: accepted === undefined ? undefined : `${family}A` };
  switch (policy.malformedReply) {
    case "close":
      return { ...decision, close: true };
    case "accept":
      return { ...decision, code: accepted === undefined ? undefined : `${family}A` };
    case "error":
      return { ...decision, code: answer === undefined ? undefined : `${family}E` };
    case "reject":
      return { ...decision, code: answer === undefined ? undefined : `${family}R` };
  }
}

const silence: AckDecision = {
  code: undefined,
  close: false,
  unknownCondition: false,
  applicationAckDue: false,
  silentByRequest: false,
};
const hangUp: AckDecision = { ...silence, close: true };
const plainAA: AckDecision = { ...silence, code: "AA" };

/** Whether MSH-9.1 is ACK or MCF. */
export function isAcknowledgmentType(type: Uint8Array): boolean {
  const [first, second, third] = type;
  if (type.length !== 3 || second !== 0x43) return false;
  return (first === 0x41 && third === 0x4b) || (first === 0x4d && third === 0x46);
}

function asksForNothing(msh: Msh | undefined): boolean {
  if (msh === undefined) return true;
  const { length } = msh.field(ACCEPT_CONDITION_FIELD);
  return length + msh.field(APPLICATION_CONDITION_FIELD).length === 0;
}

/** Unless the channel answers application acknowledgments that ask for it; an accept one never is. */
function acknowledgmentOf(
  policy: AckPolicy,
  msh: Msh | undefined,
  verdict: Verdict,
  acknowledges: string,
): AckDecision {
  if (verdict === "cannotStore") return hangUp;
  const accept = conditionOf(msh?.field(ACCEPT_CONDITION_FIELD));
  const asked = accept === "AL" || accept === "SU";
  const application = acknowledges.startsWith("A");
  const answered = policy.answerApplicationAck && asked && application && verdict === "stored";
  return answered ? { ...silence, code: "CA" } : silence;
}

interface Conditions {
  readonly accept: Condition | undefined;
  readonly application: Condition | undefined;
  /** Original mode, or a mode that does not look at MSH-15 and MSH-16. */
  readonly plain: boolean;
  readonly neAlAsOriginal: boolean;
  readonly family: Family;
}

function conditionsOf(policy: AckPolicy, msh: Msh | undefined): Conditions {
  const { ackMode, neAlAsOriginal } = policy;
  const plainFamily: Family = ackMode === "commitOnly" || ackMode === "r2" ? "C" : "A";
  if (ackMode !== "auto") {
    return {
      accept: undefined,
      application: undefined,
      plain: true,
      neAlAsOriginal,
      family: plainFamily,
    };
  }
  const accept = conditionOf(msh?.field(ACCEPT_CONDITION_FIELD));
  const application = conditionOf(msh?.field(APPLICATION_CONDITION_FIELD));
  const plain = accept === undefined && application === undefined;
  const atCommit = accept !== undefined && accept !== "NE";
  return { accept, application, plain, neAlAsOriginal, family: atCommit ? "C" : "A" };
}

/** The table of 03 A4, row by row. */
function answerTo(
  { accept, application, plain, neAlAsOriginal }: Conditions,
  stored: boolean,
): Answer {
  const answer = stored ? "accept" : "reject";
  if (plain) return answer;
  switch (accept ?? "NE") {
    case "AL":
    case "unknown":
      return answer;
    case "SU":
      return stored ? answer : undefined;
    case "ER":
      return stored ? undefined : answer;
    case "NE":
      return neAlAsOriginal && isWanted(application ?? "NE", stored) ? answer : undefined;
  }
}

/** Whether a condition of HL7 table 0155 asks for a word on this outcome. */
function isWanted(condition: Condition, stored: boolean): boolean {
  if (condition === "AL" || condition === "unknown") return true;
  return condition === (stored ? "SU" : "ER");
}

/** What the application says is not known yet: only NE, or nothing, asks for no word at all. */
function isApplicationAckDue({ ackMode }: AckPolicy, conditions: Conditions): boolean {
  const { accept, application, plain, neAlAsOriginal } = conditions;
  if (ackMode !== "auto" || plain) return false;
  const wanted = application !== undefined && application !== "NE";
  const answeredAtCommit = (accept === undefined || accept === "NE") && neAlAsOriginal;
  return wanted && !answeredAtCommit;
}

/** HL7 table 0155, trimmed and without case. @returns `undefined` for an empty field */
function conditionOf(field: Uint8Array | undefined): Condition | undefined {
  if (field === undefined || field.length === 0) return undefined;
  const value = text(field).trim().toUpperCase();
  if (value === "") return undefined;
  return value === "AL" || value === "SU" || value === "ER" || value === "NE" ? value : "unknown";
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
