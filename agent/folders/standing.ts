/**
 * How the folders of a channel that files are picked up from stand: what is asked of them before any file is, by the
 * agent and by `doctor` alike (04 P2, P3, P47, P48).
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError, type ErrorCode, type Facts } from "../errors.ts";
import { systemClock } from "../host/clock.ts";
import type { Handlers } from "./conversation.ts";
import { refuseNetworkDrives } from "./drive-letters.ts";
import { folderFault, folderMoved, workElsewhere } from "./faults.ts";
import { Folder } from "./folder.ts";
import { isMadeBeside } from "./make-beside.ts";
import type { FolderFinding, FolderRole, FolderStanding, PickupSettings } from "./messages.ts";
import { Patience } from "./patience.ts";
import { canLinkIn, isOpenToSenders, renameBetween, testFolder } from "./probes.ts";
import { type RootPath, Roots } from "./roots.ts";
import { isAnyOnShare, isNotTheShare, shareKindOf } from "./share-kind.ts";

export type PickupFolders = Pick<
  PickupSettings,
  | "folder"
  | "workFolder"
  | "archiveFolder"
  | "errorFolder"
  | "shareKind"
  | "sentinelFile"
  | "claimBy"
>;

/** The drop folder first. */
export const pickupPaths = ({
  folder,
  workFolder,
  archiveFolder,
  errorFolder,
}: PickupFolders): [drop: RootPath, ...others: RootPath[]] => [
  { role: "drop", path: folder },
  { role: "work", path: workFolder },
  { role: "archive", path: archiveFolder },
  { role: "error", path: errorFolder },
];

/**
 * @param roots without those that are not there, of which nothing is said
 * @throws {AgentError} `FOLDER_FAILED`, `FOLDER_MOVED`, `FOLDER_WORK_ELSEWHERE`: such folders are not worked on
 */
export function standingOf(roots: Roots, settings: PickupFolders): FolderStanding {
  using visit = roots.visit();
  const drop = visit.root("drop");
  const mount = drop.mount();
  const { shareKind, folder, claimBy } = settings;
  if (isNotTheShare(shareKind, mount.type)) throw folderMoved("drop", "mount");
  const isThere = (role: FolderRole): boolean => roots.recorded.some((one) => one.role === role);
  // With claims by row nothing is written to the drop folder: it may have no right that a trial file needs.
  if (claimBy === "rename" && isThere("work")) refuseUnlessRenamed(drop, visit.root("work"));
  const kept = (["archive", "error"] as const).filter(isThere);
  return {
    recorded: roots.recorded,
    kind: shareKindOf(shareKind, mount, drop.location(), folder),
    fileSystem: mount.type,
    canLink: kept.every((role) => canLinkIn(visit.root(role))),
    mayHang: isAnyOnShare(shareKind, roots.recorded),
  };
}

/** Each file would fail to be claimed, or count as another one once it is in `work/`: none would ever be taken. */
function refuseUnlessRenamed(drop: Folder, work: Folder): void {
  const found = renameBetween(drop, work);
  if (found === "otherFileSystem") throw workElsewhere();
  if (found === "otherIdentity") throw folderFault("drop", "identity", { code: "ENOTSUP" });
}

/** The folder test (P3), and whether senders may write where only the agent should (P2). @param roles the drop folder first */
export function testFolders(
  roles: readonly FolderRole[],
  open: (role: FolderRole) => Folder,
  { claimBy }: PickupFolders,
): readonly FolderFinding[] {
  let isDropThere = false;
  return roles.flatMap((role) => {
    const found = testFolder(role, () => open(role), role === "drop" && claimBy === "row");
    const isThere = found.length > 1;
    if (role === "drop") isDropThere = isThere;
    const isAsked = role !== "drop" && isThere && isDropThere;
    if (!isAsked || !isOpenToSenders(open(role), open("drop"))) return found;
    const warning = "writableBySenders" as const;
    return [...found, { folder: role, step: "rights" as const, sysCode: undefined, warning }];
  });
}

/** What a channel would find at its start. */
export interface PickupTrial {
  /** Why it would not watch its folders. */
  readonly refusal: { readonly code: ErrorCode; readonly facts: Facts } | undefined;
  readonly findings: readonly FolderFinding[];
  /** Not there: made at the start. */
  readonly made: readonly FolderRole[];
  readonly standing: FolderStanding | undefined;
}

export interface TrialMethods {
  /** By itself, without `open`; makes no folder, touches no file but its own, and puts nothing back. */
  trial: { readonly ask: PickupFolders; readonly answer: PickupTrial };
}

export const trialMethods = (): Handlers<TrialMethods> => ({ trial });

function trial(settings: PickupFolders): PickupTrial {
  const patience = new Patience(systemClock);
  const paths = pickupPaths(settings);
  const isMade = ({ role, path }: RootPath): boolean =>
    role !== "drop" && isMadeBeside(path, settings.folder) && !existsSync(path);
  const there = paths.filter((one) => !isMade(one));
  const made = paths.filter(isMade).map(({ role }) => role);
  let refusal: PickupTrial["refusal"];
  let standing: FolderStanding | undefined;
  try {
    refuseNetworkDrives(paths);
    standing = standingOf(new Roots(there, settings.sentinelFile, patience), settings);
    if (made.includes("work")) refuseOtherDisk(settings, patience);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    refusal = { code: error.code, facts: error.facts };
  }
  using opened = new DisposableStack();
  const folders = new Map<FolderRole, Folder>();
  const open = (role: FolderRole): Folder => {
    const path = there.find((one) => one.role === role)?.path ?? "";
    const folder = folders.get(role) ?? opened.use(Folder.open(role, patience, path));
    folders.set(role, folder);
    return folder;
  };
  const roles = there.map(({ role }) => role);
  return { refusal, findings: testFolders(roles, open, settings), made, standing };
}

/** Of a work folder that is not there yet: by the folder that it will be in. */
function refuseOtherDisk({ folder, workFolder, claimBy }: PickupFolders, patience: Patience): void {
  using drop = Folder.open("drop", patience, folder);
  using parent = Folder.open("work", patience, dirname(workFolder));
  if (claimBy === "rename" && parent.status().dev !== drop.status().dev) throw workElsewhere();
}
