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
  UPDATE_APPROVAL_MODE: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary:
      "Updates need signatures here (policy.approval), and this version takes the yes of a person at the machine",
    remedy: "Install the package by hand, as docs/install-linux.md says",
  },
  UPDATE_GOES_BACK: {
    disposition: "retry",
    exit: EXIT.usage,
    summary:
      "The package goes back to the release before and --back was not said, or the other way round",
    remedy: "Look at it again: holdfast update status",
  },
  UPDATE_JOURNAL_DAMAGED: {
    disposition: "retry",
    exit: EXIT.configuration,
    summary: "The updater's journal cannot be read, so it does nothing",
    remedy:
      "Install the package that shall run by hand, move journal.json in /var/lib/holdfast-updater aside, then: holdfast update enable FILE",
  },
  UPDATE_NOT_CURRENT: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The package is not that of the version that is installed",
    remedy: "Give the package that is installed here: it is what an update goes back to",
  },
  UPDATE_NOT_STAGED: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "No package of this digest is staged, and it is not the release before",
    remedy: "holdfast update status shows the whole digest; holdfast update stage FILE brings one",
  },
  UPDATE_OFF: {
    disposition: "retry",
    exit: EXIT.notPermitted,
    summary: "This machine does not update itself",
    remedy:
      "Both are needed: policy.updates.mode: apply in local.yaml, and as root holdfast update enable FILE",
  },
  UPDATE_PLATFORM: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "Updates are applied on Linux alone, where a deb or an rpm has installed the program",
    remedy: "Install the new package by hand, or with the hospital's own tools",
  },
  UPDATE_REFUSED: {
    disposition: "retry",
    exit: EXIT.badData,
    summary: "The package was not installed: a check refuses it (fact reason)",
    remedy:
      "holdfast verify-package FILE says more; a package that is refused is not to be installed",
  },
  UPDATE_UNDER_WAY: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary: "An update is under way, or what was interrupted is not finished yet",
    remedy: "holdfast update status says where it stands; the updater goes on by itself",
  },
  UPDATE_WENT_BACK: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "The new version did not do what the one before did, which runs again (fact reason)",
    remedy:
      "Send the journal of both services to the vendor: journalctl -u holdfast -u holdfast-updater; the package is not tried again without a new approval",
  },
  RELEASE_UNCHECKED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "Nothing is wrong with the package, but not everything could be checked here",
    remedy: "Do what is said beside each check that is open, here or on a machine that can",
  },
} as const satisfies Record<string, CatalogueRow>;
