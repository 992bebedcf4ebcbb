/** What can go wrong with packages of this program itself (07 section 3). @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

export const RELEASE_ERRORS = {
  RELEASE_MARKS_DAMAGED: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "The file of marks, which remembers the newest release seen, is damaged",
    remedy: "Restore it from a backup; only if there is none, move it aside and start anew",
  },
  RELEASE_NOT_WHOLE: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The file is no package, or not a whole one (fact flaw: kind, empty, broken)",
    remedy:
      "Copy it again from where it came, under the name that it had; compare its length and SHA-256 with the vendor's",
  },
  RELEASE_REFUSED: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The package is not to be installed: a check refuses it",
    remedy:
      "Fetch package and metadata again from the vendor; if it is still refused, report the code to the vendor. EXPIRED: fetch the metadata again, and check this machine's clock",
  },
  RELEASE_ROOT_ABSENT: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "This build has no root of trust for releases, so it can verify no package",
    remedy: "Use the released program of the vendor; a build from source has no root",
  },
  RELEASE_UNREADABLE: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The package, or what is beside it, cannot be read (fact sysCode)",
    remedy: "Check the path and the rights; the package must be a regular file, and no link",
  },
  RELEASE_UNCHECKED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "Nothing is wrong with the package, but not everything could be checked here",
    remedy: "Do what is said beside each check that is open, here or on a machine that can",
  },
} as const satisfies Record<string, CatalogueRow>;
