/** What a poll found that a person should know: counts alone, for names are patient data (04 P34). @module */
import { identifierFrom } from "../../errors.ts";
import type { PollResult, Trouble } from "../../folders/messages.ts";
import type { ConditionName } from "../../health/conditions.ts";
import { faultFacts } from "./folder-fault.ts";
import type { FileInWork } from "./in-work.ts";
import type { FileDropParts } from "./parts.ts";

const CONDITION_OF: Readonly<Record<Trouble, ConditionName>> = {
  refused: "fileRefused",
  growing: "fileGrowing",
  orphaned: "fileOrphaned",
  controlMissing: "fileUnpaired",
  controlAmbiguous: "controlFileAmbiguous",
  busy: "fileBusy",
  unreadable: "fileUnreadable",
};

/** A file in `work/` could not be read; it is tried again (P32). */
export function sayUnreadable({ channel, log }: FileDropParts, { claim, fault }: FileInWork): void {
  const facts = { channel: identifierFrom(channel.name), claim: identifierFrom(claim) };
  log.write("fileUnreadable", { ...facts, ...faultFacts(fault) });
}

/** Opens and closes the conditions of a channel's folder by what lies in it now. */
export function hearTroubles(
  { channel, conditions, clock, log, settings }: FileDropParts,
  { troubles, fileCount, untrackedCount }: PollResult,
): void {
  const name = identifierFrom(channel.name);
  const nowMs = clock.nowMs();
  for (const [trouble, condition] of Object.entries(CONDITION_OF)) {
    const found = troubles[trouble as Trouble];
    if (found === undefined) {
      conditions.close(condition, channel.name);
      continue;
    }
    const why = faultFacts(found.fault);
    conditions.open(condition, channel.name, { channel: name, count: found.count, ...why }, nowMs);
    if (found.fresh === 0) continue;
    log.write(condition as "fileRefused", { channel: name, count: found.fresh, ...why });
    if (trouble === "refused") channel.record.counters.add("filesRefused", found.fresh);
  }
  if (fileCount > settings.folderAlarmFiles || untrackedCount > 0) {
    const facts = { channel: name, count: fileCount, unseen: untrackedCount };
    conditions.open("folderFilling", channel.name, facts, nowMs);
  } else conditions.close("folderFilling", channel.name);
}
