/** A look at one folder by itself, for `doctor` (04 P3). @module */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../host/clock.ts";
import type { Handlers } from "./conversation.ts";
import { refuseNetworkDrives } from "./drive-letters.ts";
import { stepFaultOf } from "./faults.ts";
import { Folder } from "./folder.ts";
import type { FolderFinding, PickupSettings, ShareKind } from "./messages.ts";
import { Patience } from "./patience.ts";
import { canLinkIn, renameBetween, testFolder } from "./probes.ts";
import { shareKindOf } from "./share-kind.ts";

export interface AskedFolder {
  /** Absolute, as all here. */
  readonly path: string;
  /** How files are taken from it, where that is known: with `row` nothing is written there (P19). */
  readonly claimBy: PickupSettings["claimBy"] | undefined;
  /** Where they are renamed to. */
  readonly workFolder: string | undefined;
}

export interface ProbedFolder {
  readonly kind: ShareKind | undefined;
  /** Such as `ext4` or `cifs`. */
  readonly fileSystem: string | undefined;
  readonly findings: readonly FolderFinding[];
  /** A name can be kept by a link: else an empty file comes first. */
  readonly canLink: boolean | undefined;
  /** Files cannot be renamed into the work folder (P2). */
  readonly isWorkElsewhere: boolean;
  /** Rights of the folder: owner, group and mode; not on Windows. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number | undefined;
}

export interface ProbeMethods {
  /** Creates, writes, flushes, renames, reads, lists and deletes a file of our own; or only lists. */
  probe: { readonly ask: AskedFolder; readonly answer: ProbedFolder };
}

export const probeMethods = (): Handlers<ProbeMethods> => ({ probe });

function probe({ path, claimBy, workFolder }: AskedFolder): ProbedFolder {
  const patience = new Patience(systemClock);
  const open = (): Folder => {
    refuseNetworkDrives([{ role: "drop", path }]);
    return Folder.open("drop", patience, path);
  };
  const isReadOnly = claimBy === "row";
  const findings = testFolder("drop", open, isReadOnly);
  const isThere = findings[0]?.sysCode === undefined;
  if (!isThere) return { ...NOT_THERE, findings };
  using folder = Folder.open("drop", patience, path);
  const mount = folder.mount();
  const own = folder.look(".");
  return {
    kind: shareKindOf("auto", mount, folder.location(), path),
    fileSystem: mount.type,
    findings,
    canLink: isReadOnly ? undefined : canLinkIn(folder),
    isWorkElsewhere:
      !isReadOnly && workFolder !== undefined && isElsewhere(folder, workFolder, patience),
    uid: own === undefined ? undefined : Number(own.uid),
    gid: own === undefined ? undefined : Number(own.gid),
    mode: own === undefined ? undefined : Number(own.mode & 0o7777n),
  };
}

/** By a rename; of a folder that is made at the start, by the device of the one that it will be in. */
function isElsewhere(folder: Folder, workFolder: string, patience: Patience): boolean {
  try {
    const isThere = existsSync(workFolder);
    using work = Folder.open("work", patience, isThere ? workFolder : dirname(workFolder));
    if (isThere) return renameBetween(folder, work) === "otherFileSystem";
    return work.status().dev !== folder.status().dev;
  } catch (error) {
    // A folder that cannot be used is said by its own steps.
    stepFaultOf(error);
    return false;
  }
}

const NOT_THERE = {
  ...{ kind: undefined, fileSystem: undefined, canLink: undefined, isWorkElsewhere: false },
  ...{ uid: undefined, gid: undefined, mode: undefined },
};
