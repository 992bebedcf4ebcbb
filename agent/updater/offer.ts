/** What was put into the staging folder, as `update stage` found it: for people to decide about. @module */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { readStrictJson } from "#documents/strict-json.ts";
import { versionText } from "#releases/target.ts";
import { replaceFile } from "../host/atomic-file.ts";

const schema = z.strictObject({
  format: z.literal("holdfast-update-offer/1"),
  /** In the staging folder. */
  name: z.string(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  version: versionText,
  releaseCounter: z.int(),
  /** W11: it is the release before. */
  back: z.boolean(),
});
export type Offer = Readonly<Omit<z.infer<typeof schema>, "format">>;

/** @returns `undefined` where nothing is staged, or it cannot be read */
export function readOffer(file: string): Offer | undefined {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(file));
  } catch {
    // Most often there is none. Whatever else it is: the agent, which shows it, has messages to carry.
    return undefined;
  }
  const json = readStrictJson(bytes);
  const parsed = schema.safeParse(json.kind === "object" ? json.value : undefined);
  if (!parsed.success) return undefined;
  const { format: _, ...offer } = parsed.data;
  return offer;
}

export function writeOffer(file: string, offer: Offer): void {
  replaceFile(file, `${JSON.stringify({ format: "holdfast-update-offer/1", ...offer })}\n`, 0o644);
}
