/**
 * One look at the releases (07 section 3): `tuf-js` walks the metadata; W1 to W10 stand around it.
 *
 * ```
 * W9 clock → W3 working copy → W2 one updater, one refresh, through W1 (W5–W8 on every byte)
 *   → expiry by our clock → W4 marks → marks kept → W3 swap → W10 targets by platform
 * ```
 *
 * @module
 */
import { Updater } from "tuf-js";
import { isClockSuspect, nowOf, type TimeBase } from "#documents/time.ts";
import { BASE_URL, ReleaseFetcher } from "./fetcher.ts";
import { type Inspected, inspectMetadata, ROLES, type RoleName } from "./inspect.ts";
import {
  ROOT_MAX_BYTES,
  ROOT_WALK_MAX,
  SNAPSHOT_MAX_BYTES,
  TARGETS_MAX_BYTES,
  TIMESTAMP_MAX_BYTES,
} from "./limits.ts";
import { type MarksStore, type MetadataVersions, raisedMarks, whatMarksForbid } from "./marks.ts";
import { type MetadataFolder, readRole } from "./metadata-folder.ts";
import { PLATFORMS, platformNamed } from "./platforms.ts";
import { type Refused, ReleaseRefused, refused } from "./refusal.ts";
import type { ReleaseSource } from "./source.ts";
import { type ReleaseTarget, readTarget } from "./target.ts";

export interface RefreshOptions {
  /** The root that is compiled in. */
  readonly root: Uint8Array;
  readonly source: ReleaseSource;
  readonly folder: MetadataFolder;
  readonly marks: MarksStore;
  readonly time: TimeBase;
}

export interface Refreshed {
  readonly kind: "refreshed";
  readonly versions: MetadataVersions;
  /** What the release has for a platform. @param platform any text */
  target(platform: string): Promise<ReleaseTarget | Refused>;
}

/**
 * @returns believed metadata, kept for the next time; or why not, with nothing changed
 * @throws what source, marks or file system throw
 */
export async function refreshReleases(options: RefreshOptions): Promise<Refreshed | Refused> {
  // W9 By a clock that is known to be wrong, old metadata is fresh.
  if (isClockSuspect(options.time)) return refused("CLOCK_SUSPECT", "W9", clockText(options.time));
  const embedded = inspectMetadata("root", options.root);
  if (embedded.kind === "refused") return embedded;
  const first = await attempt(options, { fromCache: true });
  // W3 What the library cannot start from is no reason to stop: the root that is compiled in can.
  return first === "unusable" ? orThrow(await attempt(options, { fromCache: false })) : first;
}

/** The root that is compiled in passed W5 to W8; that the library refuses it is a broken build. */
function orThrow(answer: Refreshed | Refused | "unusable"): Refreshed | Refused {
  return answer === "unusable" ? refused("CHAIN", "TUF", "embedded-root") : answer;
}

async function attempt(
  options: RefreshOptions,
  start: { readonly fromCache: boolean },
): Promise<Refreshed | Refused | "unusable"> {
  const { folder, marks, time } = options;
  const work = folder.begin(options.root, start);
  let isKept = false;
  try {
    const fetcher = new ReleaseFetcher(options.source, judgeBy(time, work));
    const updater = newUpdater(work, fetcher);
    if (updater === undefined) return "unusable";
    // W2 One updater, one refresh.
    const broken = await walk(updater, fetcher);
    if (broken !== undefined) return broken;
    const believed = inspectAll(work, time);
    if ("kind" in believed) return believed;
    const known = await marks.read();
    const older = whatMarksForbid(believed, known);
    if (older !== undefined) return older;
    // Marks first: a power cut between the two leaves marks that the next run must reach.
    await marks.write(raisedMarks(known, believed));
    folder.commit(work);
    isKept = true;
    return { kind: "refreshed", versions: believed, target: (name) => targetOf(updater, name) };
  } finally {
    if (!isKept) folder.discard(work);
  }
}

/** @returns undefined if the library does not believe the root that it would start from */
function newUpdater(work: string, fetcher: ReleaseFetcher): Updater | undefined {
  try {
    return new Updater({
      ...{ metadataDir: work, metadataBaseUrl: BASE_URL, fetcher },
      config: {
        ...{ maxRootRotations: ROOT_WALK_MAX, maxDelegations: 0, fetchRetry: false },
        ...{ rootMaxLength: ROOT_MAX_BYTES, timestampMaxLength: TIMESTAMP_MAX_BYTES },
        ...{ snapshotMaxLength: SNAPSHOT_MAX_BYTES, targetsMaxLength: TARGETS_MAX_BYTES },
      },
    });
  } catch {
    // It says only that it refuses; why does not matter, for the other root is next.
    return undefined;
  }
}

/** The library drops causes: the fetcher knows them. */
async function walk(updater: Updater, fetcher: ReleaseFetcher): Promise<Refused | undefined> {
  // What it says is text, and nobody decides by text.
  const isBelieved = await updater.refresh().then(
    () => true,
    () => false,
  );
  const { trouble } = fetcher;
  if (isBelieved) return undefined;
  if (trouble instanceof ReleaseRefused) return trouble.refusal;
  if (trouble !== undefined) throw trouble;
  return refused("CHAIN", "TUF");
}

/** W5 to W8 on what comes in; and W8 on what it is built on, before the library looks by its own clock. */
function judgeBy(time: TimeBase, work: string) {
  return (role: RoleName, bytes: Uint8Array): Refused | undefined => {
    const metadata = inspectMetadata(role, bytes);
    if (metadata.kind === "refused") return metadata;
    // Roots on the way may have expired; the last one may not, and the timestamp comes after it.
    if (role === "root") return undefined;
    if (role === "timestamp") {
      const last = inspectMetadata("root", readRole(work, "root") ?? new Uint8Array());
      if (last.kind === "refused") return last;
      return whatExpired(last, time) ?? whatExpired(metadata, time);
    }
    return whatExpired(metadata, time);
  };
}

/** W8, W9: by our time, which does not go back; a refusal names the clock. */
function whatExpired({ role, expiresMs }: Inspected, time: TimeBase): Refused | undefined {
  if (expiresMs > nowOf(time)) return undefined;
  return refused("EXPIRED", "W9", `${role}:clock-${clockText(time)}`);
}

const clockText = ({ clockMs }: TimeBase): string =>
  `${new Date(clockMs).toISOString().slice(0, 19)}Z`;

/** What was believed lies in the working copy: looked at as a whole, cached parts among it. */
function inspectAll(work: string, time: TimeBase): MetadataVersions | Refused {
  const versions = { root: 0, targets: 0, snapshot: 0, timestamp: 0 };
  for (const role of ROLES) {
    const metadata = inspectMetadata(role, readRole(work, role) ?? new Uint8Array());
    if (metadata.kind === "refused") return metadata;
    const expired = whatExpired(metadata, time);
    if (expired !== undefined) return expired;
    versions[role] = metadata.version;
  }
  return versions;
}

async function targetOf(updater: Updater, name: string): Promise<ReleaseTarget | Refused> {
  // W10 A path is one that is compiled in.
  const platform = platformNamed(name);
  if (platform === undefined) return refused("TARGET_UNKNOWN", "W10", name);
  const info = await updater.getTargetInfo(PLATFORMS[platform].path);
  if (info === undefined) return refused("TARGET_UNKNOWN", "W10", platform);
  return readTarget(platform, info);
}
