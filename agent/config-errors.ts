/** What can go wrong with signed configuration, for whoever asks at the machine. Rows of the catalogue. @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

const BAD_FILE = { disposition: "halt", exit: EXIT.badData } as const;
const NOT_NOW = { disposition: "retry", exit: EXIT.badData } as const;

export const CONFIG_ERRORS = {
  BUNDLE_UNREADABLE: {
    ...BAD_FILE,
    summary: "The bundle cannot be read: it must be a regular file of 5 MB at most, and no link",
    remedy: "Copy the file from the stick to this machine's disk, and name that copy",
  },
  BUNDLE_MALFORMED: {
    ...BAD_FILE,
    summary: "The file is no bundle of signed documents",
    remedy: "Ask the vendor for it again; compare its SHA-256 with theirs",
  },
  BUNDLE_SINGLE_DOCUMENT: {
    ...BAD_FILE,
    summary: "The file is one signed document by itself, and no bundle",
    remedy:
      "Put it into one with what it needs: holdfast-sign bundle --trust FILE --config FILE --approval FILE --out BUNDLE (only those that there are), or ask the vendor to",
  },
  CONFIG_NOT_SIGNED: {
    ...NOT_NOW,
    summary: "This agent takes no signed documents: it was not enrolled",
    remedy: "Enrol it: holdfast enroll",
  },
  HOSPITAL_KEY_IS_VENDORS: {
    ...{ disposition: "halt", exit: EXIT.configuration },
    summary:
      "A key of policy.approval.hospitalKeys belongs to the vendor, whose trust document names it (fact key): nobody may say yes for the hospital with it",
    remedy:
      "Take the key out of hospitalKeys in local.yaml; ask its holder for a key of the hospital's own",
  },
  CONFIG_UNKNOWN: {
    ...NOT_NOW,
    summary: "No configuration of this digest is here",
    remedy: "See which there are: holdfast config show, holdfast config history",
  },
  CONFIG_NOT_WAITING: {
    ...NOT_NOW,
    summary: "No configuration of this digest waits for a yes",
    remedy: "See what waits: holdfast config show",
  },
  CONFIG_APPROVAL_MODE: {
    ...NOT_NOW,
    summary: "It does not need the yes of a person at this machine, or that is not enough for it",
    remedy: "See policy.approval in local.yaml: holders of hospitalKeys sign an approval document",
  },
  CONFIG_NOT_IN_PROBATION: {
    ...NOT_NOW,
    summary: "No configuration is in probation, so there is nothing to go back from",
    remedy:
      "See where it stands: holdfast config show; a committed one is replaced by a newer one only",
  },
  CONFIG_NOT_FROZEN: {
    ...NOT_NOW,
    summary: "Nothing is frozen, so there is nothing to repair",
    remedy: "See where it stands: holdfast config show",
  },
  CONFIG_REPAIR_NEEDS_HEAD: {
    ...NOT_NOW,
    summary: "Nobody has said which configuration is the newest, so that an old one could be taken",
    remedy: "Connect the agent and wait for a head, or name a bundle: holdfast config repair FILE",
  },
  CONFIG_REPAIR_NEEDS_EPOCH: {
    ...NOT_NOW,
    summary:
      "Neither the store nor the marks could be read, so that nothing says what was applied before",
    remedy:
      "Ask the vendor for a trust document with a higher configEpoch, or enrol again: holdfast enroll",
  },
} as const satisfies Record<string, CatalogueRow>;
