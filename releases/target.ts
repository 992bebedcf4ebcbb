/** W10 to W12 (length): what the targets metadata says about one package, and whether it may follow what runs. @module */
import { z } from "zod";
import { PACKAGE_MAX_BYTES } from "./limits.ts";
import type { ReleaseMarks } from "./marks.ts";
import type { Platform } from "./platforms.ts";
import { type Refused, refused } from "./refusal.ts";
import { VERSION_PATTERN } from "./version-pattern.ts";

export const versionText = z.string().regex(VERSION_PATTERN);

/** W11: what stands beside length and hash. */
export const customSchema = z.strictObject({
  version: versionText,
  platform: z.string(),
  releaseCounter: z.int().min(1),
  minFrom: versionText,
  sbomSha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Custom = z.infer<typeof customSchema>;

export interface ReleaseTarget {
  readonly kind: "target";
  readonly platform: Platform;
  readonly length: number;
  /** Hex. */
  readonly sha256: string;
  readonly custom: Custom;
}

/** As the library gives it, believed and untyped. */
export interface Described {
  readonly length: number;
  readonly hashes: Readonly<Record<string, string>>;
  readonly custom: unknown;
}

/** @param described what the believed metadata has under the path of `platform` */
export function readTarget(platform: Platform, described: Described): ReleaseTarget | Refused {
  // W12 Before a byte of it is fetched.
  if (described.length > PACKAGE_MAX_BYTES) return refused("TOO_LARGE", "W12", platform);
  // W11
  const custom = customSchema.safeParse(described.custom);
  if (!custom.success) {
    return refused("CUSTOM", "W11", custom.error.issues[0]?.path.join(".") || "shape");
  }
  if (custom.data.platform !== platform) return refused("CUSTOM", "W11", "platform");
  const { length, hashes } = described;
  const sha256 = hashes["sha256"] ?? "";
  return { kind: "target", platform, length, sha256, custom: custom.data };
}

/** What a release would follow. */
export interface Standing {
  readonly marks: ReleaseMarks;
  /** The version that runs now. */
  readonly running: string;
  /**
   * `install`: the counter must be above the mark. `look`: the newest one may be looked at again, for example
   * before it is installed by hand.
   */
  readonly purpose: "install" | "look";
  /** The hospital has approved going back to the release before. */
  readonly mayGoBack: boolean;
}

/** W11: the order of releases. @returns undefined if the release may follow */
export function whatOrderForbids(custom: Custom, standing: Standing): Refused | undefined {
  const { releaseCounter: mark, previousCounter, wentBack } = standing.marks;
  const { releaseCounter: counter, minFrom } = custom;
  // W11 Back once, to the release before and no further, if the hospital said so.
  const isBack = counter < mark && mark > 0;
  if (isBack && standing.mayGoBack && counter === previousCounter && !wentBack) return undefined;
  const least = standing.purpose === "install" ? mark + 1 : mark;
  if (counter < least) {
    return refused(isBack ? "GOING_BACK" : "OLDER", "W11", `${counter}-below-${least}`);
  }
  // W11 A release may need another one before it, for example to change the store.
  if (compareVersions(minFrom, standing.running) > 0) return refused("MIN_FROM", "W11", minFrom);
  return undefined;
}

/** @returns below, at or above 0, as for sorting */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (const [at, part] of left.entries()) {
    const difference = part - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): number[] {
  const match = VERSION_PATTERN.exec(version);
  if (match === null) throw new RangeError("Cannot compare what is no version");
  return match.slice(1).map(Number);
}
