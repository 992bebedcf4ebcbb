/**
 * Which acknowledgment a message is owed: pure, from MSH-15, MSH-16 and the channel's mode (03 A3 to A5).
 *
 * @module
 */
import type { Msh } from "./msh.ts";

export type AckMode = "auto" | "storeAA" | "commitOnly" | "none";

/** What happened to the message, as far as its sender is concerned. */
export type Verdict = "stored" | "rejected";

/** MSA-1, HL7 table 0008. */
export type AckCode = "AA" | "AE" | "AR" | "CA" | "CE" | "CR";

export interface AckDecision {
  /** `undefined`: nothing is sent, as the sender asked. */
  readonly code: AckCode | undefined;
  /** MSH-15 or MSH-16 holds a value that HL7 table 0155 does not have. */
  readonly unknownCondition: boolean;
}

export interface AckPolicy {
  readonly ackMode: AckMode;
  /** 03 A5: a sender that fills only MSH-16 with AL usually waits on the same socket. */
  readonly neAlAsOriginal: boolean;
}

type Condition = "AL" | "SU" | "ER" | "NE" | "unknown";

const MESSAGE_TYPES_NEVER_ANSWERED = new Set(["ACK", "MCF"]);
const ACCEPT_CONDITION_FIELD = 15;
const APPLICATION_CONDITION_FIELD = 16;

/** @param msh `undefined` where no header could be read: original mode then */
export function decideAck(policy: AckPolicy, msh: Msh | undefined, verdict: Verdict): AckDecision {
  const stored = verdict === "stored";
  if (policy.ackMode === "none" || isAcknowledgment(msh)) return silence;
  if (policy.ackMode === "storeAA") return { code: stored ? "AA" : "AR", unknownCondition: false };
  if (policy.ackMode === "commitOnly") {
    return { code: stored ? "CA" : "CR", unknownCondition: false };
  }
  const accept = conditionOf(msh?.field(ACCEPT_CONDITION_FIELD));
  const application = conditionOf(msh?.field(APPLICATION_CONDITION_FIELD));
  if (accept === undefined && application === undefined) {
    return { code: stored ? "AA" : "AR", unknownCondition: false };
  }
  const code = enhanced(policy, accept ?? "NE", application ?? "NE", stored);
  return { code, unknownCondition: accept === "unknown" || application === "unknown" };
}

const silence: AckDecision = { code: undefined, unknownCondition: false };

/** 03 A12: an acknowledgment is stored and forwarded, never answered. */
function isAcknowledgment(msh: Msh | undefined): boolean {
  return msh !== undefined && MESSAGE_TYPES_NEVER_ANSWERED.has(text(msh.component(9)));
}

/** The table of 03 A4, row by row. */
function enhanced(
  policy: AckPolicy,
  accept: Condition,
  application: Condition,
  stored: boolean,
): AckCode | undefined {
  switch (accept) {
    case "AL":
    case "unknown":
      return stored ? "CA" : "CR";
    case "SU":
      return stored ? "CA" : undefined;
    case "ER":
      return stored ? undefined : "CR";
    case "NE":
      return policy.neAlAsOriginal ? asOriginal(application, stored) : undefined;
  }
}

function asOriginal(application: Condition, stored: boolean): AckCode | undefined {
  switch (application) {
    case "AL":
    case "unknown":
      return stored ? "AA" : "AR";
    case "SU":
      return stored ? "AA" : undefined;
    case "ER":
      return stored ? undefined : "AR";
    case "NE":
      return undefined;
  }
}

/** HL7 table 0155, trimmed and without case. @returns `undefined` for an empty field */
function conditionOf(field: Uint8Array | undefined): Condition | undefined {
  const value = field === undefined ? "" : text(field).trim().toUpperCase();
  if (value === "") return undefined;
  return value === "AL" || value === "SU" || value === "ER" || value === "NE" ? value : "unknown";
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
