/** `holdfast update …`: a release takes the place of the one that runs, if the hospital says so (07 section 3). @module */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadLocalConfig } from "#config/local.ts";
import { ownProgram } from "#packaged/own-program.ts";
import { MarksFile } from "#releases/marks-file.ts";
import type { Platform } from "#releases/platforms.ts";
import { EMBEDDED_TRUST, type ReleaseTrust } from "#releases/root.ts";
import { AgentError } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { isRoot } from "../host/accounts.ts";
import { systemClock } from "../host/clock.ts";
import { isWindows } from "../host/platform.ts";
import { packagedBy } from "../service/linux/install.ts";
import { ask, refuseWithoutSystemd, tell } from "../service/linux/system-tools.ts";
import type { UpdateStatus } from "../update-desk.ts";
import { handOver } from "../updater/enabling.ts";
import {
  OWN_PROGRAM,
  placesIn,
  UPDATER,
  UPDATER_FOLDER,
  UPDATER_TIMER,
} from "../updater/places.ts";
import { stage } from "../updater/staging.ts";
import { placeOwnProgram } from "../updater/system-hands.ts";
import { atADoor, type DoorOptions } from "./door.ts";
import { printFacts } from "./terminal.ts";
import { updateLines } from "./update-lines.ts";
import { packageLines, refuseUnusable } from "./verify-package.ts";

export interface PackageOptions {
  readonly config: string;
  readonly file: string;
  /** Folder; absent: `metadata` beside the package. */
  readonly metadata: string | undefined;
  /** Of this program. */
  readonly version: string;
  readonly json: boolean;
}

const PLACES = placesIn(UPDATER_FOLDER);

/** As root: hands the package of what is installed to the updater, and switches it on. */
export async function updateEnable(options: PackageOptions): Promise<ExitCode> {
  const { file, json } = options;
  const prepared = await prepare(options);
  const program = ownProgram();
  if (program === undefined) throw new AgentError("SERVICE_FROM_SOURCE", {});
  if (ask("systemctl", ["is-active", "--quiet", UPDATER]).status === 0) {
    throw new AgentError("UPDATE_UNDER_WAY", {});
  }
  const kept = await handOver(file, metadataOf(options), {
    ...prepared,
    nowMs: () => systemClock.nowMs(),
  });
  placeOwnProgram(program.file);
  tell("systemctl", ["enable", "--now", UPDATER_TIMER]);
  const { mode } = loadLocalConfig(options.config).policy.updates;
  printFacts(json, { ...kept, mode }, () => [
    `The updater is on; it goes back to ${kept.version} where a newer one does not do as well`,
    ...(mode === "apply"
      ? []
      : ["  It does nothing yet: policy.updates.mode in local.yaml is not apply"]),
  ]);
  return EXIT.ok;
}

/** As root: switches it off; what runs stays. */
export function updateDisable({ json }: { readonly json: boolean }): ExitCode {
  refuseUnlessHere();
  tell("systemctl", ["disable", "--now", UPDATER_TIMER]);
  tell("systemctl", ["stop", UPDATER]);
  rmSync(OWN_PROGRAM, { force: true });
  printFacts(json, { enabled: false }, () => ["The updater is off"]);
  return EXIT.ok;
}

/** As root: puts a package where the updater takes one from, and says what it is. */
export async function updateStage(options: PackageOptions): Promise<ExitCode> {
  const { file, json } = options;
  const prepared = await prepare(options);
  if (!existsSync(PLACES.journal)) throw new AgentError("UPDATE_OFF", {});
  const { report, offer } = await stage(file, metadataOf(options), {
    ...prepared,
    nowMs: systemClock.nowMs(),
  });
  printFacts(json, { ...report, offer }, () => [
    ...packageLines(report),
    ...(offer === undefined
      ? []
      : [
          "Staged. A member of holdfast-approvers may say yes to it:",
          `  holdfast update approve ${offer.digest}${offer.back ? " --back" : ""}`,
        ]),
  ]);
  if (offer !== undefined) return EXIT.ok;
  const code = report.verdict === "unchecked" ? "RELEASE_UNCHECKED" : "RELEASE_REFUSED";
  const { summary, remedy, exit } = new AgentError(code, {});
  console.error(`holdfast: ${summary} [${code}]\n  ${remedy}`);
  return exit;
}

export async function updateStatus(options: DoorOptions): Promise<ExitCode> {
  const found = (await atADoor(options, { ask: "updateStatus" })) as UpdateStatus;
  printFacts(options.json, found, () => updateLines(found));
  return EXIT.ok;
}

export async function updateApprove(
  options: DoorOptions & {
    readonly digest: string;
    readonly back: boolean;
    readonly reject: boolean;
  },
): Promise<ExitCode> {
  const { digest, back, reject } = options;
  const question = reject ? { ask: "updateReject" } : { ask: "updateApprove", digest, back };
  const found = (await atADoor(options, question)) as UpdateStatus;
  printFacts(options.json, found, () => updateLines(found));
  return EXIT.ok;
}

/** What both need that verify a package for this machine. @throws {AgentError} */
async function prepare({ file, version }: PackageOptions) {
  const platform = refuseUnlessHere();
  const marks = new MarksFile(PLACES.marks);
  const trust: ReleaseTrust | undefined = EMBEDDED_TRUST;
  await refuseUnusable(file, marks);
  if (trust === undefined) throw new AgentError("RELEASE_ROOT_ABSENT", {});
  return { places: PLACES, trust, marks, running: version, platform };
}

/** @returns which packages this machine takes @throws {AgentError} `UPDATE_PLATFORM`, `NOT_ROOT`, `SERVICE_NO_SYSTEMD` */
export function refuseUnlessHere(): Platform {
  if (isWindows) throw new AgentError("UPDATE_PLATFORM", {});
  if (!isRoot()) throw new AgentError("NOT_ROOT", {});
  refuseWithoutSystemd();
  const { arch } = process;
  const kind = packagedBy();
  if ((kind !== "deb" && kind !== "rpm") || (arch !== "x64" && arch !== "arm64")) {
    throw new AgentError("UPDATE_PLATFORM", {});
  }
  return `linux-${arch}-${kind}`;
}

const metadataOf = ({ file, metadata }: PackageOptions): string =>
  metadata ?? join(dirname(file), "metadata");
