/**
 * Puts a package where the updater looks for one, with the metadata beside it, and says what it is. Whoever installs
 * software here may do the same with other tools: nothing in that folder is believed later on.
 *
 * @module
 */
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { MarksStore } from "#releases/marks.ts";
import { type PackageReport, verifyPackage } from "#releases/package.ts";
import type { Platform } from "#releases/platforms.ts";
import type { ReleaseTrust } from "#releases/root.ts";
import { stagedPath } from "#releases/take.ts";
import { AgentError, identifierFrom } from "../errors.ts";
import { makeFolder } from "../host/atomic-file.ts";
import { type Offer, writeOffer } from "./offer.ts";
import type { UpdaterPlaces } from "./places.ts";

const METADATA_NAME = /^(?:\d{1,10}\.)?(?:root|targets|snapshot|timestamp)\.json$/;
const METADATA_MAX_BYTES = 1_048_576;
const METADATA_MAX_COUNT = 1_024;

export interface StageOptions {
  readonly places: UpdaterPlaces;
  readonly trust: ReleaseTrust;
  readonly marks: MarksStore;
  readonly running: string;
  readonly nowMs: number;
  readonly platform: Platform;
}

export interface Staged {
  readonly report: PackageReport;
  /** Absent: it may not be installed, and is not there any more. */
  readonly offer: Offer | undefined;
}

/** @throws {AgentError} `RELEASE_NOT_WHOLE`; the operating system's error, untranslated */
export async function stage(
  file: string,
  metadata: string,
  options: StageOptions,
): Promise<Staged> {
  const { places, trust, marks, running, nowMs, platform } = options;
  const name = basename(file);
  copyAll(file, metadata, places);
  const report = await verifyPackage({
    ...{ file: join(places.staged, name), metadata: join(places.staged, "metadata"), trust, marks },
    ...{ time: { clockMs: nowMs, floorMs: 0 }, running },
    standing: { purpose: "install", mayGoBack: true },
  });
  const { target, verdict } = report;
  if (verdict !== "ok" || target?.platform !== platform) {
    rmSync(places.staged, { recursive: true, force: true });
    return { report, offer: undefined };
  }
  const { version, releaseCounter } = target.custom;
  const back = releaseCounter < (await marks.read()).releaseCounter;
  const offer = { name, digest: target.sha256, version, releaseCounter, back };
  writeOffer(places.offer, offer);
  return { report, offer };
}

/** In place of what was staged before. */
function copyAll(file: string, metadata: string, { staged, offer }: UpdaterPlaces): void {
  const name = basename(file);
  if (typeof stagedPath(staged, name) !== "string") {
    throw new AgentError("RELEASE_NOT_WHOLE", { flaw: identifierFrom("name") });
  }
  rmSync(offer, { force: true });
  const fresh = `${staged}.new`;
  rmSync(fresh, { recursive: true, force: true });
  makeFolder(fresh, 0o755);
  copyFileSync(file, join(fresh, name));
  mkdirSync(join(fresh, "metadata"));
  const names = readdirSync(metadata).filter((one) => METADATA_NAME.test(one));
  for (const one of names.slice(0, METADATA_MAX_COUNT)) {
    if (statSync(join(metadata, one)).size > METADATA_MAX_BYTES) continue;
    copyFileSync(join(metadata, one), join(fresh, "metadata", one));
  }
  rmSync(staged, { recursive: true, force: true });
  renameSync(fresh, staged);
}
