/**
 * The package that a person has approved, verified by the updater itself and kept where nobody else writes (W13). What
 * anybody else has found before is not looked at.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { link, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { TimeBase } from "#documents/time.ts";
import type { MarksStore } from "#releases/marks.ts";
import { type PackageReport, verifyPackage } from "#releases/package.ts";
import { PLATFORMS, type Platform } from "#releases/platforms.ts";
import type { ReleaseTrust } from "#releases/root.ts";
import { stagedPath } from "#releases/take.ts";
import { type ReleaseTarget, type Standing, whatOrderForbids } from "#releases/target.ts";
import { codeOf } from "../errors.ts";
import { flushFolder, makeFolder } from "../host/atomic-file.ts";
import type { UpdateApproval } from "./approval.ts";
import type { Journal, KeptRelease } from "./journal.ts";
import type { UpdaterPlaces } from "./places.ts";
import type { Candidate } from "./updater.ts";

export interface Verifying {
  readonly places: UpdaterPlaces;
  readonly trust: ReleaseTrust;
  readonly marks: MarksStore;
  readonly nowMs: () => number;
  /** What this machine takes: of its architecture, and of its package manager. */
  readonly platform: Platform;
}

/** @returns what may be installed, kept under its digest; or the word of the check that refuses it */
export async function candidateFor(
  approval: UpdateApproval,
  journal: Journal,
  verifying: Verifying,
): Promise<Candidate> {
  const { places } = verifying;
  const { digest, back, name, floorMs } = approval;
  if (name === undefined) return await keptBefore(approval, journal, verifying);
  // W13 A name, and no way to anywhere else.
  const file = stagedPath(places.staged, name);
  if (typeof file !== "string") return { refused: file.code };
  const found = await keepVerified(
    { file, metadata: join(places.staged, "metadata") },
    {
      ...verifying,
      running: journal.current.version,
      purpose: "install",
      mayGoBack: back,
      floorMs,
    },
  );
  if ("refused" in found) return found;
  // The yes was for these bytes and no others.
  if (found.digest !== digest) return { refused: "NOT_APPROVED" };
  // Which of the two runs could not be told.
  return found.version === journal.current.version ? { refused: "SAME_VERSION" } : found;
}

/** W11: back, once, to the release before, which lies here since it was verified. */
async function keptBefore(
  { digest, back }: UpdateApproval,
  { current, previous }: Journal,
  { places, marks }: Verifying,
): Promise<Candidate> {
  if (previous?.digest !== digest) return { refused: "NOT_STAGED" };
  const standing = {
    marks: await marks.read(),
    running: current.version,
    purpose: "install",
  } as const;
  const custom = { ...previous, platform: "", sbomSha256: "" };
  const disorder = whatOrderForbids(custom, { ...standing, mayGoBack: back });
  if (disorder !== undefined) return { refused: disorder.code };
  const file = join(places.packages, digest);
  return existsSync(file) && (await digestOf(file)) === digest ? previous : { refused: "CONTENT" };
}

export interface KeepOptions
  extends Verifying,
    Pick<Standing, "purpose" | "mayGoBack" | "running"> {
  readonly floorMs: number;
}

/**
 * Verifies a package with the metadata beside it, and keeps the very bytes.
 *
 * @returns what cannot be read at all is refused, too
 */
export async function keepVerified(
  { file, metadata }: { readonly file: string; readonly metadata: string },
  options: KeepOptions,
): Promise<Candidate> {
  const { places, trust, marks, platform, running, purpose, mayGoBack, floorMs } = options;
  makeFolder(places.packages, 0o700);
  let kept: KeptRelease | undefined;
  const keep = async (
    copy: { readonly path: string; readonly sha256: string },
    target: ReleaseTarget,
  ) => {
    if (target.platform !== platform) return;
    const place = join(places.packages, copy.sha256);
    await rm(place, { force: true });
    // Another name of the file that was hashed on its open handle: these bytes are installed (W13).
    await link(copy.path, place);
    flushFolder(places.packages);
    const { version, releaseCounter, minFrom } = target.custom;
    kept = { digest: copy.sha256, kind: kindOf(platform), version, releaseCounter, minFrom };
  };
  const time: TimeBase = { clockMs: options.nowMs(), floorMs };
  const asked = { file, metadata, trust, marks, time, running, workFolder: places.packages };
  let report: PackageReport;
  try {
    report = await verifyPackage({ ...asked, standing: { purpose, mayGoBack } }, keep);
  } catch (error) {
    return { refused: `UNREADABLE.${codeOf(error)}` };
  }
  return kept ?? { refused: whyNot(report) };
}

/** Nothing less than verified is installed: also not what could only not be checked here. */
function whyNot({ checks, verdict }: PackageReport): string {
  const bad = checks.find((one) => one.verdict === "refused");
  if (bad !== undefined) return bad.refusal?.code ?? "REFUSED";
  return verdict === "ok" ? "PLATFORM" : "UNCHECKED";
}

/** @param platform of `linux-…-deb` or `linux-…-rpm` */
const kindOf = (platform: Platform): KeptRelease["kind"] =>
  PLATFORMS[platform].kind === "rpm" ? "rpm" : "deb";

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
