/**
 * The yes of a person to one package, by its digest: the agent writes it, after it has recorded who said so, into its
 * own folder, and root's updater reads it there. It is believed to be the hospital's yes and nothing else: what is
 * installed the updater verifies by itself.
 *
 * @module
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readStrictJson } from "#documents/strict-json.ts";
import { AgentError } from "../errors.ts";
import { makeFolder, replaceFile } from "../host/atomic-file.ts";
import { readOnce } from "../host/read-once.ts";

const MAX_BYTES = 4_096;

const schema = z.strictObject({
  format: z.literal("holdfast-update-approval/1"),
  /** It counts once. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** Of the staged file, in the staging folder; absent: the release before, which the updater has kept. */
  name: z.string().optional(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** W11: the release may be the one before. */
  back: z.boolean(),
  /** As claimed. */
  by: z.string().max(256),
  /** Ms since 1970: no accepted document is younger than this (07 2.5). */
  floorMs: z.number().min(0),
});
export type UpdateApproval = Readonly<Omit<z.infer<typeof schema>, "format">>;

const fileIn = (stateDir: string): string => join(stateDir, "updates", "approved.json");

/** @returns `undefined` for what is absent or no approval: nobody has said yes */
export function readApproval(stateDir: string): UpdateApproval | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readOnce(fileIn(stateDir), MAX_BYTES);
  } catch (error) {
    // A link, a pipe, or nothing at all.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
  const json = readStrictJson(bytes);
  const parsed = schema.safeParse(json.kind === "object" ? json.value : undefined);
  if (!parsed.success) return undefined;
  const { format: _, ...approval } = parsed.data;
  return approval;
}

/** In place of an earlier one. */
export function writeApproval(stateDir: string, approval: UpdateApproval): void {
  const file = fileIn(stateDir);
  makeFolder(join(stateDir, "updates"), 0o700);
  const text = JSON.stringify({ format: "holdfast-update-approval/1", ...approval });
  replaceFile(file, `${text}\n`, 0o600);
}

export function removeApproval(stateDir: string): void {
  rmSync(fileIn(stateDir), { force: true });
}
