/** What cannot be used goes to the error folder, by a durable row first (04 P31). @module */
import { identifierFrom } from "../../errors.ts";
import type { FileReason } from "./claims.ts";
import { faultFacts } from "./folder-fault.ts";
import { type FileInWork, movable } from "./in-work.ts";
import type { Moves } from "./moves.ts";
import type { FileDropParts } from "./parts.ts";

/** How long it stays in sight. */
const ALARM_MS = 3_600_000;

export interface Unusable {
  readonly file: FileInWork;
  readonly reason: FileReason;
  /** If it was read whole. */
  readonly sha256?: Uint8Array;
}

export async function setAside(
  { claims, clock, log, conditions, channel }: FileDropParts,
  moves: Moves,
  files: readonly Unusable[],
): Promise<void> {
  if (files.length === 0) return;
  await claims.setAside(files.map(({ file, reason, sha256 }) => ({ id: file.id, reason, sha256 })));
  for (const { file, reason, sha256 } of files) {
    const fault = reason === "unreadable" ? file.fault : undefined;
    const facts = {
      channel: identifierFrom(channel.name),
      claim: identifierFrom(file.claim),
      reason: identifierFrom(reason),
      ...faultFacts(fault),
    };
    channel.record.counters.add("filesAside");
    log.write("fileQuarantined", facts);
    conditions.openFor("fileQuarantined", channel.name, facts, clock, ALARM_MS);
    moves.add([movable(file, sha256, { reason, fault })]);
  }
}
