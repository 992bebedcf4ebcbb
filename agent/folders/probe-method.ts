/** A look at one folder by itself, for `doctor --folder` (04 P3). @module */
import { systemClock } from "../host/clock.ts";
import type { Handlers } from "./conversation.ts";
import { refuseNetworkDrives } from "./drive-letters.ts";
import { Folder } from "./folder.ts";
import type { FolderFinding, ShareKind } from "./messages.ts";
import { Patience } from "./patience.ts";
import { canLinkIn, testFolder } from "./probes.ts";
import { shareKindOf } from "./share-kind.ts";

export interface ProbedFolder {
  readonly kind: ShareKind | undefined;
  /** Such as `ext4` or `cifs`. */
  readonly fileSystem: string | undefined;
  readonly findings: readonly FolderFinding[];
  /** A name can be kept by a link: else an empty file comes first. */
  readonly canLink: boolean | undefined;
  /** Rights of the folder: owner, group and mode; not on Windows. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number | undefined;
}

export interface ProbeMethods {
  /** Creates, writes, flushes, renames, reads, lists and deletes a file of our own. @param ask an absolute path */
  probe: { readonly ask: string; readonly answer: ProbedFolder };
}

export const probeMethods = (): Handlers<ProbeMethods> => ({ probe });

function probe(path: string): ProbedFolder {
  const patience = new Patience(systemClock);
  const open = (): Folder => {
    refuseNetworkDrives([{ role: "drop", path }]);
    return Folder.open("drop", patience, path);
  };
  const findings = testFolder("drop", open, false);
  const isThere = findings[0]?.sysCode === undefined;
  if (!isThere) return { ...NOT_THERE, findings };
  using folder = Folder.open("drop", patience, path);
  const mount = folder.mount();
  const own = folder.look(".");
  return {
    kind: shareKindOf("auto", mount, folder.location(), path),
    fileSystem: mount.type,
    findings,
    canLink: canLinkIn(folder),
    uid: own === undefined ? undefined : Number(own.uid),
    gid: own === undefined ? undefined : Number(own.gid),
    mode: own === undefined ? undefined : Number(own.mode & 0o7777n),
  };
}

const NOT_THERE = {
  ...{ kind: undefined, fileSystem: undefined, canLink: undefined },
  ...{ uid: undefined, gid: undefined, mode: undefined },
};
