/** What can be wrong with the store, its disk and its keys. Nothing of it is muted by a maintenance window. @module */
import { HICCUP_MS, MINUTE_MS, type WarningRow } from "./warning.ts";

export const STORE_WARNINGS = {
  storeFailing: {
    severity: "critical",
    means: "Messages are not accepted, for they cannot be stored",
    remedy: "Free space or repair the disk of the state directory",
    whose: "hospital IT",
    dependsOn: ["diskLow"],
  },
  diskLow: {
    severity: "critical",
    means: "The disk is nearly full; no message is taken meanwhile, stored ones go on leaving",
    remedy: "Free space on the disk of the state directory",
    whose: "hospital IT",
  },
  outboxNearlyFull: {
    severity: "critical",
    means: "The store has used most of its disk budget; when that is full, nothing is taken",
    remedy: "See that the receiver is reached, or raise diskBudgetBytes, before it is full",
    whose: "hospital IT",
  },
  outboxFilling: {
    severity: "warning",
    means: "The store fills its disk budget",
    remedy: "See that the receiver is reached, or raise diskBudgetBytes",
    whose: "hospital IT",
    dependsOn: ["outboxNearlyFull", "tunnelDown", "identityRefused"],
  },
  walGrowing: {
    severity: "warning",
    means: "The store's log cannot be brought into its file",
    remedy: "Check the disk, then restart the agent",
    whose: "hospital IT",
    dependsOn: ["storeFailing", "diskLow"],
    visibleAfterMs: MINUTE_MS,
  },
  volatileState: {
    severity: "critical",
    means: "The store is on a file system that does not survive a reboot: for trials only",
    remedy: "Put stateDir on a disk before real messages come",
    whose: "hospital IT",
  },
  storeRolledBack: {
    severity: "critical",
    means: "The store is older than it was, or new",
    remedy:
      "Ask the receiver what it has of the missing range (export), and the senders for the rest",
    whose: "integration",
  },
  messageDamaged: {
    severity: "critical",
    means:
      "Stored messages are damaged, the facts say which; a channel stops before one that has not left",
    remedy: "Check the disk, then go on behind them: holdfast channel skip",
    whose: "hospital IT",
    dependsOn: ["sealBroken"],
  },
  sealBroken: {
    severity: "critical",
    means: "Stored messages are damaged and their seals do not open; other messages go on",
    remedy: "Check the disk and who has written to the state directory: holdfast channel skip",
    whose: "hospital IT",
  },
  kekCustodyWeaker: {
    severity: "warning",
    means: "The key that protects stored messages is kept less safely than at installation",
    remedy: "Set kek.custody as it was; docs/operate.md says how keys are kept",
    whose: "hospital IT",
  },
  quarantineFull: {
    severity: "critical",
    means: "Blocks that are no messages cannot be kept any more",
    remedy: "Find their sender; look at them and discard: holdfast quarantine list",
    whose: "integration",
    dependsOn: ["storeFailing", "diskLow"],
  },
  auditUnwritable: {
    severity: "critical",
    means: "The audit cannot take entries, and changes are refused",
    remedy: "Free space or repair the disk of the state directory",
    whose: "hospital IT",
    dependsOn: ["storeFailing", "diskLow"],
  },
  auditBroken: {
    severity: "critical",
    means: "The audit is not what was written (facts: which entry)",
    remedy: "Keep the state directory, compare with a head: holdfast audit verify",
    whose: "hospital IT",
  },
  auditSpoolOld: {
    severity: "warning",
    means: "The SIEM has not taken the audit for more than an hour; it is kept in order",
    remedy: "Check host, port, caFile under siem, and the collector",
    whose: "hospital IT",
    dependsOn: ["siemUnreachable"],
  },
  siemUnreachable: {
    severity: "warning",
    means: "The SIEM does not take audit heads: they are kept in order",
    remedy: "Check host, port, caFile under siem",
    whose: "hospital IT",
    visibleAfterMs: 5 * MINUTE_MS,
    inMaintenance: true,
  },
  mailFailing: {
    severity: "warning",
    means: "Alarms cannot be mailed; they wait, and are in status and in the log",
    remedy: "Check host, port, tls and credentials under mail; see the code of the fact",
    whose: "hospital IT",
    visibleAfterMs: HICCUP_MS,
  },
  maintenanceActive: {
    severity: "information",
    means: "Alarms of channels, receiver and other systems are muted for a while",
    remedy: "It ends by itself, or with: holdfast maintenance stop",
    whose: "hospital IT",
    closesAfterMs: 0,
  },
} as const satisfies Record<string, WarningRow>;
