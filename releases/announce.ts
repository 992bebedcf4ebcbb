/** `policy.updates.mode: announce`: whether people should hear of a release. @module */
import { compareVersions, type ReleaseTarget } from "./target.ts";

export type UpdateMode = "off" | "announce" | "apply";

/**
 * @param target believed (`refresh.ts`), for the platform that runs
 * @returns the version to announce, or undefined
 */
export function releaseToAnnounce(
  mode: UpdateMode,
  running: string,
  target: ReleaseTarget,
): string | undefined {
  if (mode === "off") return undefined;
  const { version } = target.custom;
  return compareVersions(version, running) > 0 ? version : undefined;
}
