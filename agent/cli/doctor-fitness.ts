/** Whether the machine can run the agent at all: memory, processors, native code, time zone, who scans its files. @module */
import { availableParallelism, totalmem } from "node:os";
import { AddOnError } from "#packaged/add-ons.ts";
import { foreignFunctions } from "#packaged/foreign-functions.ts";
import { openSqlite } from "#packaged/sqlite.ts";
import { addOnFault } from "../host/add-on-fault.ts";
import { isEncrypted } from "../host/disk-encryption.ts";
import { kernelModules, processNames } from "../host/listening.ts";
import type { Findings } from "./doctor-way.ts";
import { type Finding, fault, notice, ok, warning } from "./finding.ts";
import { escaped, readableBytes } from "./terminal.ts";

/** The unit's MemoryMax= (09 section 3), and as much again for the system and whoever else lives there. */
const MEMORY_LEAST_BYTES = 2 * 1024 ** 3;
/** What firmware and kernel keep of it is not seen. */
const MEMORY_SEEN_SHARE = 0.9;

/** Of processes as `ps` shows them (15 characters at most) and of kernel modules; the most used on Linux. */
const SCANNERS: readonly (readonly [string, RegExp])[] = [
  ["ClamAV", /^(?:clamd|clamonacc)$/],
  ["CrowdStrike Falcon", /^falcon[-_]/],
  ["Cylance", /^cylancesvc$/],
  ["ESET", /^(?:esets_|egui|eset_|oaeventd|odfeeder)/],
  ["Kaspersky", /^(?:kesl|klnagent|kavfs)/],
  ["McAfee or Trellix", /^(?:mfe|nailsd$|isecespd|isectpd)/],
  ["Microsoft Defender", /^(?:wdavdaemon|mdatp)/],
  ["Palo Alto Cortex", /^(?:traps_pmd|cortex|pmd$)/],
  ["SentinelOne", /^(?:s1-|sentinelone|SentinelAgent)/],
  ["Sophos", /^(?:savd|savscand|sophos|sav-protect)/],
  ["Symantec", /^(?:rtvscand|symcfgd|symev|sisidsdaemon|sisips)/],
  ["Trend Micro", /^(?:ds_agent|ds_am|vsapiapp|gsch|redirfs|tmhook|bmhook)/],
  ["VMware Carbon Black", /^(?:cbagentd|cbdaemon|cbosxsensor|event_collector|cb_|bl_)/],
];

/** @param timeZone of `local.yaml` @param where the store is, or will be @param folders that files go through */
export async function lookAtFitness(
  timeZone: string | undefined,
  where: string,
  folders: readonly string[],
): Promise<Findings> {
  return {
    memory: judgeMemory(usableBytes()),
    processors: judgeProcessors(availableParallelism()),
    "native code": await lookAtAddOns(),
    "time zone": lookAtZone(timeZone),
    encryption: judgeEncryption(isEncrypted(where)),
    "virus scanners": judgeScanners([...processNames(), ...kernelModules()], where, folders),
  };
}

/** What a container or a slice may use, where that is less than what is there. */
function usableBytes(): number {
  const limit = process.constrainedMemory();
  // "No limit" is a number far above any machine's.
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

export function judgeMemory(totalBytes: number): Finding {
  const facts = { totalBytes };
  const text = `${readableBytes(totalBytes)}; the service may take 1 GiB`;
  if (totalBytes >= MEMORY_LEAST_BYTES * MEMORY_SEEN_SHARE) return ok(text, facts);
  return warning(text, facts, "Give the machine 2 GiB: the system would end what takes the last");
}

export function judgeProcessors(count: number): Finding {
  if (count > 1) return ok(`${count}`, { count });
  const remedy = "Give the machine two: acknowledgments and storage work at the same time";
  return notice("1", { count }, remedy);
}

/** 09 PK8: the executable's own, held against its digests. */
async function lookAtAddOns(): Promise<Finding> {
  try {
    await foreignFunctions();
    openSqlite(":memory:").close();
    return ok(`SQLite and the system's functions load; Node ${process.version}`, {});
  } catch (error) {
    if (!(error instanceof AddOnError)) throw error;
    const { code, facts } = addOnFault(error);
    return fault(code, facts);
  }
}

/** @param own of this machine; one that is not set, or set wrong, has none, or `Etc/Unknown` */
export function lookAtZone(
  wanted: string | undefined,
  own: string = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "",
): Finding {
  const name = wanted ?? own;
  if (name === "" || name === "Etc/Unknown") {
    const remedy = "Set the time zone of this machine, or say it in local.yaml: timeZone";
    return warning("This machine does not say its own: hours are counted by UTC", {}, remedy);
  }
  const offset = Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" })
    .formatToParts()
    .find(({ type }) => type === "timeZoneName")?.value;
  const text = `${escaped(name)} (now ${escaped(offset ?? "?")})`;
  if (wanted !== undefined) return ok(`${text}, as timeZone says`, {});
  if (!/^(?:Etc\/)?(?:UTC|GMT|UCT)$/.test(name)) return ok(`${text}, this machine's`, {});
  const remedy = "If people here live by another clock, say so in local.yaml: timeZone";
  return notice(`${text}, this machine's: busy hours are counted by it`, {}, remedy);
}

export function judgeEncryption(found: boolean | undefined): Finding {
  if (found === true) return ok("The disk under the store is encrypted by this machine", {});
  const remedy =
    "Encrypt the disk (LUKS, BitLocker), or ask whoever runs the hypervisor whether it does: keys in a file are as safe as the disk";
  const text = found === undefined ? "Cannot be told here" : "None is seen on this machine";
  return notice(`${text}; storage or a hypervisor may encrypt below it`, {}, remedy);
}

/** @param names of processes and of kernel modules */
export function judgeScanners(
  names: readonly string[],
  where: string,
  folders: readonly string[],
): Finding {
  const found = SCANNERS.filter(([, own]) => names.some((name) => own.test(name)));
  const facts = { count: found.length };
  if (found.length === 0) return ok("None of those known by name is seen", facts);
  const files =
    folders.length === 0 ? "" : `; look for delays in ${folders.map(escaped).join(", ")}`;
  return notice(
    `${found.map(([name]) => name).join(", ")}`,
    facts,
    `Ask to exempt ${escaped(where)} for the process holdfast, and nothing of the program folder${files}`,
  );
}
