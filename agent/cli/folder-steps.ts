/** The steps of the folder test (04 P3), in words, and what whoever looks after a folder does if one fails. @module */
import { userInfo } from "node:os";
import { ERROR_CATALOGUE, type ErrorCode, type Facts, identifierFrom } from "../errors.ts";
import type { FolderFinding } from "../folders/messages.ts";
import type { Finding } from "./finding.ts";
import { escaped } from "./terminal.ts";

export const STEPS: Readonly<Record<FolderFinding["step"], readonly [string, string]>> = {
  exists: ["open it", "Make it, or mount the share; give this account the right to enter it"],
  create: ["create a file", "Give this account the right to create files there (Windows: Modify)"],
  write: ["write into a file", "See whether the disk or the quota is full"],
  flush: ["flush a file", "The server or disk refuses to flush: look at its log"],
  rename: ["rename a file", "Give this account the right to rename and delete (Windows: Modify)"],
  read: ["read a file", "Give this account the right to read there"],
  list: ["list it", "Give this account the right to list the folder"],
  delete: ["delete a file", "Give this account the right to delete there (Windows: Modify)"],
  flushFolder: [
    "flush the folder",
    "A rename there may be undone by a power cut; nothing is lost by it",
  ],
  rights: ["keep senders out", "Only the drop folder should be writable for senders"],
};

/** The account that this program runs as (04 P3). A number may have no name. */
export function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}

/** Of a step that failed. @param path the folder @param facts of the folder */
export function cannot(
  path: string,
  { step, sysCode = "" }: Pick<FolderFinding, "step" | "sysCode">,
  facts: Facts,
): Finding {
  const account = process.getuid?.();
  const shown = {
    ...facts,
    ...{ step: identifierFrom(step), sysCode: identifierFrom(sysCode) },
    ...(account === undefined ? {} : { account }),
  };
  const [what, remedy] = STEPS[step];
  const begun = `${escaped(path)}: account ${escaped(accountName())} cannot ${what}`;
  // Not the system, but a rule of ours: the catalogue knows what to do.
  const own = sysCode in ERROR_CATALOGUE ? ERROR_CATALOGUE[sysCode as ErrorCode] : undefined;
  return own === undefined
    ? { verdict: "problem", facts: shown, text: `${begun} (${sysCode})`, remedy }
    : {
        verdict: "problem",
        facts: shown,
        text: `${begun}: ${own.summary} [${sysCode}]`,
        remedy: own.remedy,
      };
}
