/** What can be wrong in folders that files are taken from. @module */
import { HICCUP_MS, MINUTE_MS, type WarningRow } from "./warning.ts";

export const FOLDER_WARNINGS = {
  folderUnreachable: {
    severity: "critical",
    means: "A folder cannot be reached, or is not the one it was; none of its files are taken",
    remedy: "Check the share or disk; see the facts, and holdfast doctor",
    whose: "hospital IT",
    visibleAfterMs: MINUTE_MS,
    inMaintenance: true,
  },
  fileDropEnded: {
    severity: "critical",
    means: "A channel takes no more files, by a defect or because the store ended",
    remedy: "Restart the agent, and report the code",
    whose: "vendor",
    dependsOn: ["storeFailing"],
  },
  stableTooShort: {
    severity: "warning",
    means:
      "stableForSeconds of a channel is below 30 on NFS, where times and sizes are cached for so long",
    remedy: "Leave stableForSeconds out",
    whose: "integration",
  },
  foldersWritable: {
    severity: "warning",
    means: "Senders may write into the work, archive or error folder of a channel",
    remedy: "Change the rights: only the drop folder should be theirs",
    whose: "hospital IT",
  },
  folderFilling: {
    severity: "warning",
    means:
      "A drop folder holds many files, or subfolders that are not looked into (facts: unseen), for there are too many or this account may not read them",
    remedy: "See why they are not taken: holdfast status",
    whose: "integration",
    dependsOn: ["folderUnreachable", "fileDropEnded", "storeFailing", "diskLow"],
    inMaintenance: true,
  },
  fileRefused: {
    severity: "warning",
    means: "Something in a drop folder is no plain file (a link, a second name, a pipe)",
    remedy: "Find who puts it there",
    whose: "integration",
  },
  fileGrowing: {
    severity: "warning",
    means: "A file keeps changing and is not taken",
    remedy: "Look at its sender",
    whose: "integration",
  },
  fileOrphaned: {
    severity: "warning",
    means: "A temporary file lies in a drop folder: its sender may have died before its rename",
    remedy: "Look at its sender, and have it sent again",
    whose: "integration",
  },
  fileUnpaired: {
    severity: "warning",
    means: "Data without its control file, or the other way round, is not taken",
    remedy: "Look at the sender",
    whose: "integration",
  },
  controlFileAmbiguous: {
    severity: "warning",
    means: "A control file fits several files, and none is taken",
    remedy: "Look at the sender",
    whose: "integration",
  },
  fileBusy: {
    severity: "warning",
    means: "A file is held open by another program and is not taken",
    remedy: "Find which",
    whose: "hospital IT",
    visibleAfterMs: MINUTE_MS,
  },
  fileUnreadable: {
    severity: "warning",
    means: "A file cannot be looked at or taken",
    remedy: "Check its rights",
    whose: "hospital IT",
  },
  fileQuarantined: {
    severity: "warning",
    means: "A file was set aside in the error folder; beside it lies why",
    remedy: "See which: holdfast files list --aside",
    whose: "integration",
  },
  fileVanished: {
    severity: "warning",
    means: "A file went from the work folder before it was moved on (a virus scanner?)",
    remedy: "Exclude work/ there",
    whose: "hospital IT",
  },
  fileNotMoved: {
    severity: "warning",
    means: "Files cannot be moved to the archive or error folder",
    remedy: "Check its rights and its disk",
    whose: "hospital IT",
    visibleAfterMs: HICCUP_MS,
  },
  lateWrite: {
    severity: "warning",
    means:
      "A file was written to after it was taken: its new content lies in the error folder, if it could be copied",
    remedy: "Tell its sender to write under another name and rename",
    whose: "integration",
  },
} as const satisfies Record<string, WarningRow>;
