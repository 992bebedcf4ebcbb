/**
 * W4: the highest of everything that was ever believed. The library forgets what it knew when its cache is
 * damaged, and takes an emptied cache for a first run; these marks lie elsewhere.
 *
 * @module
 */
import { ROLES, type RoleName } from "./inspect.ts";
import { type Refused, refused } from "./refusal.ts";

export type MetadataVersions = Readonly<Record<RoleName, number>>;

export interface ReleaseMarks {
  /** 0 before the first refresh. */
  readonly versions: MetadataVersions;
  /** Of the newest release that ever ran here; 0 if none is known. */
  readonly releaseCounter: number;
  /** Of the one that ran before it, which still lies on disk; 0 if there is none. */
  readonly previousCounter: number;
  /** Whether the one permission to go back was used since then (W11). */
  readonly wentBack: boolean;
}

export const NO_MARKS: ReleaseMarks = {
  versions: { root: 0, targets: 0, snapshot: 0, timestamp: 0 },
  ...{ releaseCounter: 0, previousCounter: 0, wentBack: false },
};

/** Where marks are kept: a file beside the metadata would be lost with it. */
export interface MarksStore {
  /** @throws if marks are there but cannot be read: that is never taken for "no marks" */
  read(): Promise<ReleaseMarks>;
  /** Durable when it resolves. */
  write(marks: ReleaseMarks): Promise<void>;
}

/** `OLDER` if any metadata is older than what was believed once. */
export function whatMarksForbid(
  versions: MetadataVersions,
  marks: ReleaseMarks,
): Refused | undefined {
  // W4
  const older = ROLES.find((role) => versions[role] < marks.versions[role]);
  return older && refused("OLDER", "W4", older);
}

/** After a refresh. @returns never lower than before */
export function raisedMarks(marks: ReleaseMarks, versions: MetadataVersions): ReleaseMarks {
  const raised = ROLES.map((role) => [role, Math.max(marks.versions[role], versions[role])]);
  return { ...marks, versions: Object.fromEntries(raised) as MetadataVersions };
}

/** After a release was installed and is kept. @param counter its `releaseCounter` */
export function marksAfterInstall(marks: ReleaseMarks, counter: number): ReleaseMarks {
  if (counter <= marks.releaseCounter) return { ...marks, wentBack: true };
  const previousCounter = marks.wentBack ? marks.previousCounter : marks.releaseCounter;
  return { ...marks, releaseCounter: counter, previousCounter, wentBack: false };
}
