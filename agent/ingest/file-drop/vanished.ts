/** A file that went from `work/` before its content was safe: a virus scanner, or a person, was quicker (04 P65). @module */
import { identifierFrom } from "../../errors.ts";
import type { FileDropParts } from "./parts.ts";

/** How long it stays in sight. */
const ALARM_MS = 3_600_000;

/** Its record says so; there is nothing to move. */
export async function recordVanished(
  parts: FileDropParts,
  files: readonly { readonly id: number; readonly claim: string }[],
): Promise<void> {
  if (files.length === 0) return;
  const { claims } = parts;
  await claims.setAside(files.map(({ id }) => ({ id, reason: "vanished", sha256: undefined })));
  await claims.moved(files.map(({ id }) => ({ id, targets: [], left: false })));
  for (const file of files) sayVanished(parts, file);
}

/** Also of a file whose content is safe. */
export function sayVanished(
  { channel, conditions, clock, log }: FileDropParts,
  { claim }: { readonly claim: string },
): void {
  const facts = { channel: identifierFrom(channel.name), claim: identifierFrom(claim) };
  channel.record.counters.add("filesVanished");
  log.write("fileVanished", facts);
  conditions.openFor("fileVanished", channel.name, facts, clock, ALARM_MS);
}
