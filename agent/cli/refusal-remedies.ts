/** What a person at the machine does about a signed document that was refused; docs/signed-documents.md has the steps. @module */
import type { RefusalCode } from "#documents/refusal.ts";

/** Of commands alone: nobody brings one by hand. */
type OfCommands = "REPLAY" | "OP_NOT_ALLOWED" | "SUPPORT_OFF" | "CONSENT" | "RATE";

const REMEDIES: Readonly<Record<Exclude<RefusalCode, OfCommands>, string>> = {
  TOO_LARGE: "No document is so large: ask who made it for another one",
  MALFORMED:
    "Copy it again and compare its SHA-256 with its maker's; if they are equal, it must be made anew",
  WRONG_TYPE: "This kind of document is not taken here: ask the vendor what it is",
  SIGNATURES:
    "Too few of the keys that count here have signed it: have it signed by the others, or bring the trust document that names its keys first. Approvals are signed by policy.approval.hospitalKeys",
  WRONG_RECIPIENT:
    "It is for another agent, or approves another configuration than the one that waits: holdfast config show names both",
  NOT_WAITING:
    "No configuration waits for a yes here: what it approves was decided already (holdfast config history), or has not come; bring the configuration first, then this again",
  ROLLBACK: "Something newer came before: ask the vendor for the newest one",
  BAD_TRUST: "Do not go on: call the vendor, and read out the code",
  POLICY: "local.yaml forbids it: ask for another configuration, or change the policy there",
  FROZEN: "End what is frozen first: holdfast config repair",
  EPOCH:
    "It was made for another trust document: bring the newest trust document first, or have the configuration made anew",
  ALREADY_APPLIED: "Nothing to do: it is in effect",
  IN_PROGRESS: "Nothing to do: holdfast config show says where it stands",
  BURNT:
    "It was rolled back, rejected or refused here, and the same bytes are never taken again: ask the vendor for a new one",
  FAST_FORWARD: "Its number is too far ahead to be a slip: call the vendor",
  BASE_MISMATCH:
    "Its author did not know what is in effect here: send them what holdfast status --signed FILE writes",
  EXPIRED: "Its time is over by this machine's clock: compare the clock, then ask for a new one",
  LIFETIME: "It would be good for longer than is allowed: have it made anew for a shorter time",
  FUTURE: "It was issued later than this machine's clock shows: compare the clock with a good one",
  VERSION: "It is for other versions of the agent: compare them with holdfast version",
  SCHEMA:
    "It says what this version of the agent does not understand: ask the vendor for another one",
  PREFLIGHT: "It could not work on this machine: holdfast config show says why",
  AUDIT: "It could not be recorded: free disk space, then bring it again",
  BUSY: "Another configuration is being tried: bring this one again once that has ended (holdfast config show)",
};

export const remedyOfRefusal = (code: RefusalCode): string =>
  Object.hasOwn(REMEDIES, code)
    ? REMEDIES[code as keyof typeof REMEDIES]
    : "docs/signed-documents.md says what the code means";
