/** W10: what a release consists of. A target that is not in this table does not exist. @module */

/** How a package is packed: decides who verifies its signature, and how its SBOM is found. */
export type PackageKind = "deb" | "rpm" | "tar" | "msi" | "setup";

interface Place {
  /** Path of the target in the metadata. */
  readonly path: string;
  readonly kind: PackageKind;
}

export const PLATFORMS = {
  "linux-x64-deb": { path: "linux-x64/holdfast.deb", kind: "deb" },
  "linux-arm64-deb": { path: "linux-arm64/holdfast.deb", kind: "deb" },
  "linux-x64-rpm": { path: "linux-x64/holdfast.rpm", kind: "rpm" },
  "linux-arm64-rpm": { path: "linux-arm64/holdfast.rpm", kind: "rpm" },
  "linux-x64-tar": { path: "linux-x64/holdfast.tar.gz", kind: "tar" },
  "linux-arm64-tar": { path: "linux-arm64/holdfast.tar.gz", kind: "tar" },
  "win-x64-msi": { path: "win-x64/holdfast.msi", kind: "msi" },
  "win-x64-setup": { path: "win-x64/holdfast-setup.exe", kind: "setup" },
} as const satisfies Record<string, Place>;
export type Platform = keyof typeof PLATFORMS;

const ENDINGS: readonly (readonly [ending: string, kind: PackageKind])[] = [
  [".deb", "deb"],
  [".rpm", "rpm"],
  [".tar.gz", "tar"],
  [".msi", "msi"],
  [".exe", "setup"],
];

/** @returns undefined for a name that is not in the table, `constructor` among them */
export function platformNamed(name: string): Platform | undefined {
  return Object.hasOwn(PLATFORMS, name) ? (name as Platform) : undefined;
}

/** The platforms that a file could be of, by the end of its name; which one it is, its content says. */
export function platformsOfFile(file: string): Platform[] {
  const kind = ENDINGS.find(([ending]) => file.toLowerCase().endsWith(ending))?.[1];
  const all = Object.keys(PLATFORMS) as Platform[];
  return all.filter((platform) => PLATFORMS[platform].kind === kind);
}
