/** Why a receiver refuses an agent (07 1.8), and what the hospital does about it. @module */
import type { AgentError } from "../errors.ts";

const REMEDIES = {
  SESSION_RESUMED: "Report it to the vendor: the agent never resumes a TLS session",
  NO_CERT: "Something between here and the receiver ends TLS: it must be passed through",
  CERT_HAS_EXPIRED:
    "The agent's certificate has expired, or this machine's clock was wrong for long: it needs a new one from the vendor",
  CERT_NOT_YET_VALID:
    "The agent's certificate is not valid yet by the receiver's clock: the clock of whoever issued it was ahead",
  CERT_UNKNOWN_CA:
    "The certificate under identity is of another receiver, or of a trial: get the right one",
  CERT_PURPOSE: "The file of identity.certificate is no agent's certificate: get the right one",
  CERT_INVALID: "The certificate under identity cannot be used: get a new one from the vendor",
  CERT_PROFILE: "The certificate under identity was not issued for an agent: get the right one",
  UNKNOWN_AGENT: "Ask the receiver's operator to add this agent",
  CERT_SUPERSEDED:
    "A newer certificate of this agent is in use: this is an old copy of the machine, or of its files",
  CERT_DENIED: "The receiver's operator has withdrawn this certificate: ask why",
  AGENT_LOCKED:
    "Two machines were seen with this identity: call the vendor, who decides which one goes on",
} as const satisfies Record<string, string>;

/** `REFUSED`: a reason that this version does not know. */
export type RefusalReason = keyof typeof REMEDIES | "REFUSED";

/** @param header `Holdfast-Reason` as it came; its text goes no further */
export function refusalReason(header: string | readonly string[] | undefined): RefusalReason {
  const text = String(header);
  return isKnown(text) ? text : "REFUSED";
}

/** What to do about an error of the tunnel; the receiver's reason knows more than its code. */
export function remedyFor({ code, facts, remedy }: AgentError): string {
  const reason = String(facts["code"]);
  return code === "TUNNEL_REFUSED" && isKnown(reason) ? REMEDIES[reason] : remedy;
}

const isKnown = (text: string): text is keyof typeof REMEDIES => Object.hasOwn(REMEDIES, text);
