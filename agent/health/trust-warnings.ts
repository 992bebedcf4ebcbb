/** What can be wrong with signed configuration and trust, and what support may do. Nothing of it is muted. @module */
import { MINUTE_MS, type WarningRow } from "./warning.ts";

export const TRUST_WARNINGS = {
  trustRollback: {
    severity: "critical",
    means: "Trust state is older than it was, or damaged: nothing is changed",
    remedy: "Find out why, then run holdfast config repair",
    whose: "hospital IT",
  },
  marksUnwritable: {
    severity: "warning",
    means: "The trust marks beside the store cannot be written",
    remedy: "Free space or check the rights of stateDir/trust",
    whose: "hospital IT",
    dependsOn: ["storeFailing", "diskLow"],
  },
  lastGoodUnwritable: {
    severity: "warning",
    means: "The last known good configuration cannot be kept beside the store",
    remedy: "Free space or check the rights of stateDir/trust",
    whose: "hospital IT",
    dependsOn: ["storeFailing", "diskLow", "marksUnwritable"],
  },
  configFrozen: {
    severity: "warning",
    means: "Signed configuration is not changed; the fact says why",
    remedy: "A person runs holdfast config repair",
    whose: "hospital IT",
    dependsOn: ["trustRollback"],
  },
  configNotRunning: {
    severity: "critical",
    means: "The configuration that should run cannot be opened, and is tried again",
    remedy: "See the code of the fact",
    whose: "hospital IT",
    visibleAfterMs: MINUTE_MS,
  },
  configStale: {
    severity: "warning",
    means: "A newer configuration exists for a day and has not come",
    remedy: "Ask the vendor, or import it from a stick: holdfast config import",
    whose: "vendor",
    dependsOn: ["tunnelDown", "identityRefused"],
  },
  headStale: {
    severity: "warning",
    means: "Nobody has said for days which configuration is the newest; one may be held back",
    remedy: "Ask the vendor",
    whose: "vendor",
    dependsOn: ["tunnelDown", "identityRefused"],
  },
  policyForbids: {
    severity: "critical",
    means:
      "The policy in local.yaml forbids a channel of the configuration in effect, which is closed",
    remedy: "See which rule: holdfast config check",
    whose: "hospital IT",
  },
  updateWentBack: {
    severity: "warning",
    means: "A release did not do as well as the one before, which runs again; the facts say why",
    remedy: "See holdfast update status; the warning ends when a release is approved",
    whose: "vendor",
    closesAfterMs: 0,
  },
  approvalWaiting: {
    severity: "information",
    means: "A new configuration waits for a person here to approve it",
    remedy: "Look at it, then decide: holdfast config diff, holdfast config approve",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
  bundleWaiting: {
    severity: "information",
    means: "A bundle for support waits for a person here; the fact says which",
    remedy: "Read it, then let it leave: holdfast bundle preview NUMBER, and --release",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
  questionWaiting: {
    severity: "information",
    means: "Support asks to hold or release a channel, which needs the yes of a person here",
    remedy: "See holdfast support status, then holdfast config approve DIGEST",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
  supportOff: {
    severity: "information",
    means: "Remote diagnostics are switched off at this machine; messages flow",
    remedy: "It stays so until a person here switches them on again: holdfast support on",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
  supportWindowOpen: {
    severity: "information",
    means: "A support window is open: the vendor may read log excerpts and probe hosts",
    remedy: "It ends by itself, or with: holdfast support close",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
  structureAsked: {
    severity: "information",
    means: "The vendor asked for the structure of a message or a bundle; no content left",
    remedy: "See what was asked, and by whom: holdfast audit show",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
} as const satisfies Record<string, WarningRow>;
