/** What can go wrong with folders that others write to or read from (04). @module */
import { type CatalogueRow, EXIT } from "./exit-codes.ts";

export const FOLDER_ERRORS = {
  FILE_CLAIM_ENDED: {
    disposition: "retry",
    exit: EXIT.tryAgain,
    summary:
      "A dropped file was to be stored whose claim is not open, or was made for other content",
    remedy: "None needed: nothing of it was stored, and its claim is looked at again",
  },
  FOLDER_DRIVE_LETTER: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "A folder is named by a drive letter that leads to a network share, or that this account does not have",
    remedy:
      "Name it by its UNC path, such as \\\\server\\share\\folder: mapped drive letters do not exist for services, whose account must have rights on the share",
  },
  FOLDER_FAILED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "A folder of a channel cannot be used: the facts say which, at what step and why",
    remedy:
      "Check that it exists and what rights the service account has there, with: holdfast doctor --folder PATH",
  },
  FOLDER_MOVED: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "A folder of a channel is not the one it should be: another mount or path, or without its sentinelFile",
    remedy:
      "Mount the share, or put the folder (or its sentinelFile) there; if it was moved on purpose while the agent ran, restart the agent",
  },
  FOLDER_WORK_ELSEWHERE: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary:
      "The work folder of a channel is on another file system than its drop folder: files cannot be claimed by a rename",
    remedy:
      "Put workFolder on the file system of folder, such as beside it; or set claimBy: row, where nobody else takes files from that folder",
  },
  FOLDER_SILENT: {
    disposition: "retry",
    exit: EXIT.unavailable,
    summary: "A folder of a channel does not answer: a network share or a disk hangs",
    remedy:
      "Check the file server and the network to it; the agent goes on by itself once it answers",
  },
} as const satisfies Record<string, CatalogueRow>;
