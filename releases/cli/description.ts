/** What people write about roots and releases: YAML, with every problem by line and column. @module */
import { z } from "zod";
import { loadDocument } from "#config/document.ts";
import { PLATFORMS, type Platform } from "../platforms.ts";
import { versionText } from "../target.ts";

const DAYS_MAX = 3_650;
const days = (fallback: number) => z.int().min(1).max(DAYS_MAX).default(fallback);

const role = z.strictObject({
  threshold: z.int().min(1).max(16),
  /** Files of public keys, beside the description, or 64 hex digits each. */
  keys: z.array(z.string().min(1)).min(1).max(16),
});
/** The checks of every agent (W5) say so too; this says it with line and column. */
const atLeastTwo = role.refine(({ threshold }) => threshold >= 2, {
  path: ["threshold"],
  message: "must be at least 2",
});

const rootDescription = z.strictObject({
  expiresDays: days(1_095),
  roles: z.strictObject({ root: atLeastTwo, targets: atLeastTwo, snapshot: role, timestamp: role }),
});
export type RootDescription = z.infer<typeof rootDescription>;

export const loadRootDescription = (file: string): RootDescription =>
  loadDocument(file, rootDescription);

const packageFiles = z.strictObject({
  /** The package, and its SBOM as it lies inside, both beside the description. */
  file: z.string().min(1),
  sbom: z.string().min(1),
});
const platforms = Object.keys(PLATFORMS) as [Platform, ...Platform[]];

const releaseDescription = z.strictObject({
  version: versionText,
  /** One more than the release before, never used twice. */
  releaseCounter: z.int().min(1),
  minFrom: versionText,
  expiresDays: days(365),
  packages: z.partialRecord(z.enum(platforms), packageFiles),
});
export type ReleaseDescription = z.infer<typeof releaseDescription>;

export const loadReleaseDescription = (file: string): ReleaseDescription =>
  loadDocument(file, releaseDescription);
