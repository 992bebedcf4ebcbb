/**
 * What is no longer wrong with a channel once it is closed: its port, its folder, its far end. What has happened, such
 * as a file that was set aside, stays in sight for its time.
 *
 * @module
 */
import type { ConditionName, Conditions } from "../health/conditions.ts";

export const OWN_CONDITIONS = {
  listener: [
    ...["listenerClosed", "tooManyConnections", "certificateExpiring"],
    ...["malformedAccepted", "openToAllInterfaces", "openToAll"],
  ],
  drop: [
    ...["folderUnreachable", "stableTooShort", "foldersWritable", "folderFilling", "fileRefused"],
    ...["fileGrowing", "fileOrphaned", "fileUnpaired", "controlFileAmbiguous", "fileBusy"],
    ...["fileUnreadable", "fileNotMoved", "fileDropEnded"],
  ],
  target: [
    ...["endpointUnreachable", "endpointSilent", "endpointRefuses", "certificateExpiring"],
    ...["deliveryHeld", "targetUnreachable", "targetFull", "filesNotCollected"],
  ],
} as const satisfies Record<string, readonly ConditionName[]>;

export function closeOwn(
  kind: keyof typeof OWN_CONDITIONS,
  channel: string,
  conditions: Conditions,
): void {
  for (const name of OWN_CONDITIONS[kind]) conditions.close(name, channel);
}
