/**
 * Root's own yes to updates on this machine (07 section 3: opt-in): the package of what runs is handed to the updater,
 * for without it there would be nothing to go back to.
 *
 * @module
 */
import { type MarksStore, marksAfterInstall } from "#releases/marks.ts";
import type { Platform } from "#releases/platforms.ts";
import type { ReleaseTrust } from "#releases/root.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { makeFolder } from "../host/atomic-file.ts";
import { keepVerified } from "./candidate.ts";
import { JournalFile, type KeptRelease } from "./journal.ts";
import type { UpdaterPlaces } from "./places.ts";

export interface EnableOptions {
  readonly places: UpdaterPlaces;
  readonly trust: ReleaseTrust;
  readonly marks: MarksStore;
  /** The version that is installed. */
  readonly running: string;
  readonly nowMs: () => number;
  readonly platform: Platform;
}

/**
 * @param file the package of the version that is installed
 * @throws {AgentError} `RELEASE_REFUSED`, `UPDATE_NOT_CURRENT`, `UPDATE_UNDER_WAY`, `UPDATE_JOURNAL_DAMAGED`
 */
export async function handOver(
  file: string,
  metadata: string,
  options: EnableOptions,
): Promise<KeptRelease> {
  const { places, marks, running } = options;
  // Others may look at where it stands.
  makeFolder(places.packages.replace(/\/[^/]+$/, ""), 0o755);
  const journal = new JournalFile(places.journal);
  if ((journal.read()?.step ?? "idle") !== "idle") throw new AgentError("UPDATE_UNDER_WAY", {});
  const standing = { purpose: "look", mayGoBack: false, floorMs: 0 } as const;
  const looked = await held(marks);
  const found = await keepVerified({ file, metadata }, { ...options, ...standing, marks: looked });
  if ("refused" in found) {
    throw new AgentError("UPDATE_REFUSED", { reason: identifierFrom(found.refused) });
  }
  if (found.version !== running) throw new AgentError("UPDATE_NOT_CURRENT", {});
  const seen = await looked.read();
  const isNewer = found.releaseCounter > seen.releaseCounter;
  await marks.write(isNewer ? marksAfterInstall(seen, found.releaseCounter) : seen);
  const used = journal.read()?.used ?? [];
  journal.write({ step: "idle", current: found, used: [...used], told: true });
  return found;
}

/** Of a package that is none of this machine's nothing is remembered: its metadata may be newer than that of the right one. */
async function held(marks: MarksStore): Promise<MarksStore> {
  let seen = await marks.read();
  return {
    read: async () => seen,
    write: async (raised) => {
      seen = raised;
    },
  };
}
