/** Why a receiver refuses an agent (07 1.8), and what the hospital does about it. @module */
import type { AgentError } from "../errors.ts";
import { CLOCK_SKEW_ALARM_MS } from "../limits.ts";

const REMEDIES = {
  SESSION_RESUMED: "Report it to the vendor: the agent never resumes a TLS session",
  NO_CERT: "Something between here and the receiver ends TLS: it must be passed through",
  CERT_HAS_EXPIRED:
    "The agent's certificate has expired: the agent asks for a new one by itself. An imported one must be replaced; if RECOVERY_REFUSED follows, ask the vendor for a new enrolment token",
  CERT_NOT_YET_VALID:
    "The agent's certificate is not valid yet by the receiver's clock: the clock of whoever issued it was ahead",
  CERT_UNKNOWN_CA:
    "The agent's certificate is of another receiver, or of a trial: enrol with a token of this one (holdfast enroll), or import the right one",
  CERT_PURPOSE:
    "What was imported as the agent's certificate is none of an agent: get the right one",
  CERT_INVALID: "The agent's certificate cannot be used: ask the vendor for a new enrolment token",
  CERT_PROFILE:
    "The agent's certificate was not issued by the rules for agents: enrol with a token (holdfast enroll)",
  UNKNOWN_AGENT: "Ask the receiver's operator to add this agent",
  CERT_SUPERSEDED:
    "A newer certificate of this agent is in use: this is an old copy of the machine, or of its files. If no other machine runs with it, ask the vendor for a new enrolment token",
  CERT_DENIED: "The receiver's operator has withdrawn this certificate: ask why",
  AGENT_LOCKED:
    "Two machines were seen with this identity: call the vendor, who decides which one goes on",
  RECOVERY_REFUSED:
    "The certificate ended too long ago, or this was done too often: ask the vendor for a new enrolment token, then: holdfast enroll --token-file FILE. Messages are kept meanwhile",
  SIGNATURE:
    "The receiver does not know this machine's device key: ask the vendor for a new enrolment token",
  NONCE: "Nothing here: it is tried again with a new number",
  CSR_REFUSED: "Report it to the vendor: the receiver does not take this agent's request",
} as const satisfies Record<string, string>;

/** Why an enrolment is refused (07 1.5). */
const ENROLMENT = {
  TOKEN_UNKNOWN:
    "The receiver does not know this token: is it of this receiver, and was it withdrawn? Ask the vendor for a new one",
  TOKEN_USED:
    "The token was used by another machine, or with other keys: if it was not you, call the vendor at once; else ask for a new one",
  TOKEN_EXPIRED: "The token is too old: ask the vendor for a new one; each is valid for 24 hours",
  TOKEN_LOCKED: "The token was tried too often with wrong signatures: ask the vendor for a new one",
  SIGNATURE: "The token is not the one that the receiver made: ask the vendor for a new one",
  CSR_REFUSED: "Report it to the vendor: the receiver does not take this agent's request",
} as const satisfies Record<string, string>;

/** `REFUSED`: a reason that this version does not know. */
export type RefusalReason = keyof typeof REMEDIES | "REFUSED";

/** @param header `Holdfast-Reason` as it came; its text goes no further */
export function refusalReason(header: string | readonly string[] | undefined): RefusalReason {
  const text = String(header);
  return isKnown(text) ? text : "REFUSED";
}

/** What to do about an error of the tunnel, of enrolment or renewal; the receiver's reason knows more than its code. */
export function remedyFor({ code, facts, remedy }: AgentError): string {
  const reason = String(facts["code"]);
  if (code === "ENROLL_REFUSED" && Object.hasOwn(ENROLMENT, reason)) {
    return ENROLMENT[reason as keyof typeof ENROLMENT];
  }
  const isRefusal = code === "TUNNEL_REFUSED" || code === "RENEWAL_REFUSED";
  return isRefusal && isKnown(reason) ? `${clockFirst(reason, facts)}${REMEDIES[reason]}` : remedy;
}

/** 07 1.10: where clocks differ, what a certificate's times say means little. */
function clockFirst(reason: keyof typeof REMEDIES, { clockSkewMs }: AgentError["facts"]): string {
  const isAboutTime = reason === "CERT_HAS_EXPIRED" || reason === "CERT_NOT_YET_VALID";
  if (!isAboutTime || typeof clockSkewMs !== "number") return "";
  if (Math.abs(clockSkewMs) <= CLOCK_SKEW_ALARM_MS) return "";
  const minutes = Math.round(Math.abs(clockSkewMs) / 60_000);
  const way = clockSkewMs > 0 ? "behind" : "ahead of";
  return `First set this machine's clock: it is ${minutes} minutes ${way} the receiver's. `;
}

const isKnown = (text: string): text is keyof typeof REMEDIES => Object.hasOwn(REMEDIES, text);
