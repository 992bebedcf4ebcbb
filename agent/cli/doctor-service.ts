/** What `doctor` sees of the service that systemd keeps: its unit, its folders, how it is shut in (09 SV2, SV9, SV10). @module */
import type { LocalConfig } from "#config/local.ts";
import { identifierFrom } from "../errors.ts";
import { hasSystemd } from "../host/platform.ts";
import type { ChannelSet } from "../running/channel-set.ts";
import {
  dropInFor,
  FOLDERS_DROP_IN,
  hiddenOnes,
  isWithin,
  pathsOf,
  toName,
  unitFiles,
} from "../service/linux/drop-ins.ts";
import { isBooted, SERVICE } from "../service/linux/unit-places.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, ok, warning } from "./finding.ts";
import { escaped } from "./terminal.ts";

/** The unit makes this one itself. */
const OWN_STATE = "/var/lib/holdfast";
/** T-K13: as `systemd-analyze security` counts. */
const EXPOSURE_MOST = 1.5;

/** @returns nothing where systemd keeps no service of ours */
export async function lookAtService(config: LocalConfig, set: ChannelSet): Promise<Findings> {
  const { used, hidden } = unitFiles();
  if (!hasSystemd || used === undefined) return {};
  const exposure = isBooted() ? await lookAtExposure() : {};
  return {
    unit: judgeUnit(used, hidden),
    folders: judgeWritable(writableIn(config, set), {
      writable: pathsOf("ReadWritePaths"),
      noExec: pathsOf("NoExecPaths"),
    }),
    ...exposure,
  };
}

export function judgeUnit(used: string, hidden: string | undefined): Finding {
  if (hidden === undefined) return ok(escaped(used), {});
  return warning(
    `${escaped(used)} hides ${escaped(hidden)}, which upgrades bring up to date`,
    {},
    "Put what differs into a drop-in (systemctl edit holdfast), remove the copy, then: systemctl daemon-reload",
  );
}

/** Where the service has to write besides its own folders. */
export function writableIn(
  { stateDir }: Pick<LocalConfig, "stateDir">,
  { drops, folderSenders }: Pick<ChannelSet, "drops" | "folderSenders">,
): readonly string[] {
  const ofDrops = drops.flatMap(({ folder, workFolder, archiveFolder, errorFolder }) => [
    ...[folder, workFolder, archiveFolder, errorFolder],
  ]);
  const ofTargets = folderSenders.flatMap(({ folder, tempFolder, sentFolder }) =>
    [folder, tempFolder, sentFolder].filter((path) => path !== undefined),
  );
  return [stateDir, ...ofDrops, ...ofTargets].filter((path) => !isWithin(path, OWN_STATE));
}

export function judgeWritable(
  paths: readonly string[],
  unit: { readonly writable: readonly string[]; readonly noExec: readonly string[] },
): Finding {
  const hidden = hiddenOnes(paths);
  if (hidden.length > 0) {
    return warning(
      `The service does not see what others put into ${hidden.map(escaped).join(", ")}`,
      { folders: hidden.length },
      "Use a folder elsewhere, such as one below /srv: the unit gives the service no home and a /tmp of its own",
    );
  }
  const isIn = (path: string, folders: readonly string[]): boolean =>
    folders.some((folder) => folder !== "/" && isWithin(path, folder));
  const missing = paths.filter((path) => !isIn(path, unit.writable) || !isIn(path, unit.noExec));
  if (missing.length === 0) return ok("The unit lets the service write where it has to", {});
  const lines = dropInFor(toName(missing)).split("\n").map(escaped);
  const remedy = [
    `Put this into ${FOLDERS_DROP_IN}, then: systemctl daemon-reload, holdfast service restart`,
    ...lines.map((line) => `  ${line}`),
  ];
  return warning(
    "The unit does not let the service write into folders of its channels, or lets it run programs from there",
    { folders: missing.length },
    remedy.join("\n           "),
  );
}

/** On an older systemd it is more: what that does not know it leaves out. */
async function lookAtExposure(): Promise<Findings> {
  // Only here: elsewhere doctor can start no program.
  const { ask, toolAt } = await import("../service/linux/system-tools.ts");
  if (toolAt("systemd-analyze") === undefined) return {};
  const { out } = ask("systemd-analyze", ["--no-pager", "security", SERVICE]);
  const [, score] = /exposure level for \S+: ([\d.]+)/.exec(out) ?? [];
  return score === undefined ? {} : { hardening: judgeExposure(Number(score)) };
}

export function judgeExposure(score: number): Finding {
  const facts = { result: identifierFrom(String(score)) };
  const text = `systemd counts an exposure of ${score} of 10`;
  if (score <= EXPOSURE_MOST) return ok(text, facts);
  return warning(
    text,
    facts,
    "Expected is 1.5 at most: see what drop-ins take away (systemctl cat holdfast); a systemd older than 247 knows less",
  );
}
