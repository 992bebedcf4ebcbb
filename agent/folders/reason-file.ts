/** `<name>.reason.json` beside a file that was set aside (04 P31): why, and no content. @module */
import { closeSync, fsyncSync, readSync, writeFileSync } from "node:fs";
import { doing } from "./faults.ts";
import type { Folder } from "./folder.ts";
import type { Move, Reason } from "./messages.ts";
import { type ByteName, OWN_PREFIX } from "./names.ts";
import { openSafely } from "./safe-open.ts";

export const REASON_END: ByteName = ".reason.json";
const REASON_MAX_BYTES = 4_096;

export const reasonName = (target: ByteName): ByteName => `${target}${REASON_END}`;

export const reasonTemporary = (claim: string): ByteName => `${OWN_PREFIX}${claim}.reason`;

function textOf(move: Move, reason: Reason): string {
  const [data] = move.files;
  const modified = new Date(Number((data?.modifiedNs ?? 0n) / 1_000_000n));
  const facts = {
    code: reason.code,
    rule: reason.rule,
    ...reason.fault,
    channel: reason.channel,
    claim: move.claim,
    size: data?.size ?? 0,
    // A date that no calendar has stays out.
    modified: Number.isNaN(modified.getTime()) ? undefined : modified.toISOString(),
    at: new Date(move.atMs).toISOString(),
    sha256: move.sha256 === undefined ? undefined : Buffer.from(move.sha256).toString("hex"),
  };
  return `${JSON.stringify(facts, undefined, 2)}\n`;
}

/** Whether what lies there is the reason of this claim, of an earlier try. */
export function isReasonOf(folder: Folder, name: ByteName, claim: string, code: string): boolean {
  const opened = openSafely(folder, name, undefined, false);
  if (typeof opened === "string") return false;
  using file = opened;
  const bytes = Buffer.alloc(REASON_MAX_BYTES);
  const length = doing(folder.role, "read", () =>
    readSync(file.descriptor, bytes, 0, bytes.length, 0),
  );
  try {
    const found: unknown = JSON.parse(bytes.toString("utf8", 0, length));
    const { claim: itsClaim, code: itsCode } = found as { claim?: unknown; code?: unknown };
    return itsClaim === claim && itsCode === code;
  } catch {
    // Not ours then: another name is found.
    return false;
  }
}

/** Writes it whole or not at all. @returns whether the name was free */
export function writeReason(
  folder: Folder,
  name: ByteName,
  move: Move,
  reason: Reason,
  mode: number,
): boolean {
  const temporary = reasonTemporary(move.claim);
  folder.remove(temporary);
  const descriptor = folder.create(temporary, mode);
  if (descriptor === undefined) return false;
  try {
    doing(folder.role, "write", () => writeFileSync(descriptor, textOf(move, reason)));
    doing(folder.role, "flush", () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
  return putUnder(folder, temporary, name, mode);
}

/** Gives a finished temporary file its name, if that is free. @returns whether it was */
export function putUnder(
  folder: Folder,
  temporary: ByteName,
  name: ByteName,
  mode: number,
): boolean {
  const linked = folder.link(temporary, folder, name);
  if (linked === "refused") {
    const empty = folder.create(name, mode);
    if (empty !== undefined) {
      closeSync(empty);
      return folder.rename(temporary, folder, name) === "done";
    }
  }
  folder.remove(temporary);
  return linked === "done";
}
