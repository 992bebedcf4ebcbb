/** W10: what a release consists of. A target that is not in this table does not exist. @module */
import { basename } from "node:path";

/**
 * How a package is packed: decides who verifies its signature, and how its SBOM is found. `elf` and `pe` are
 * executables as they are: carried alone, or where a package put them.
 */
export type PackageKind = "deb" | "rpm" | "tar" | "msi" | "setup" | "elf" | "pe";

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
  "linux-x64-tar": { path: "linux-x64/holdfast.tar.zst", kind: "tar" },
  "linux-arm64-tar": { path: "linux-arm64/holdfast.tar.zst", kind: "tar" },
  "win-x64-msi": { path: "win-x64/holdfast.msi", kind: "msi" },
  "win-x64-setup": { path: "win-x64/holdfast-setup.exe", kind: "setup" },
  "linux-x64": { path: "linux-x64/holdfast", kind: "elf" },
  "linux-arm64": { path: "linux-arm64/holdfast", kind: "elf" },
  "win-x64": { path: "win-x64/holdfast.exe", kind: "pe" },
  "receiver-linux-x64-deb": { path: "linux-x64/holdfast-receiver.deb", kind: "deb" },
  "receiver-linux-arm64-deb": { path: "linux-arm64/holdfast-receiver.deb", kind: "deb" },
  "receiver-linux-x64-rpm": { path: "linux-x64/holdfast-receiver.rpm", kind: "rpm" },
  "receiver-linux-arm64-rpm": { path: "linux-arm64/holdfast-receiver.rpm", kind: "rpm" },
  "receiver-linux-x64-tar": { path: "linux-x64/holdfast-receiver.tar.zst", kind: "tar" },
  "receiver-linux-arm64-tar": { path: "linux-arm64/holdfast-receiver.tar.zst", kind: "tar" },
  "receiver-linux-x64": { path: "linux-x64/holdfast-receiver", kind: "elf" },
  "receiver-linux-arm64": { path: "linux-arm64/holdfast-receiver", kind: "elf" },
  "sign-linux-x64": { path: "linux-x64/holdfast-sign", kind: "elf" },
  "sign-linux-arm64": { path: "linux-arm64/holdfast-sign", kind: "elf" },
  "sign-win-x64": { path: "win-x64/holdfast-sign.exe", kind: "pe" },
} as const satisfies Record<string, Place>;
export type Platform = keyof typeof PLATFORMS;

const ENDINGS: readonly (readonly [ending: RegExp, kinds: readonly PackageKind[]])[] = [
  [/\.deb$/, ["deb"]],
  [/\.rpm$/, ["rpm"]],
  [/\.tar\.zst$/, ["tar"]],
  [/\.msi$/, ["msi"]],
  [/\.exe$/, ["setup", "pe"]],
  // An executable of Linux.
  [/^[^.]+$/, ["elf"]],
];

/** @returns undefined for a name that is not in the table, `constructor` among them */
export function platformNamed(name: string): Platform | undefined {
  return Object.hasOwn(PLATFORMS, name) ? (name as Platform) : undefined;
}

/** The platforms that a file could be of, by the end of its name; which one it is, its content says. */
export function platformsOfFile(file: string): Platform[] {
  const name = basename(file).toLowerCase();
  const kinds = ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? [];
  const all = Object.keys(PLATFORMS) as Platform[];
  return all.filter((platform) => kinds.includes(PLATFORMS[platform].kind));
}

/** The program that a package installs, or that an executable is. */
export function programOf(platform: Platform): "holdfast" | "holdfast-receiver" | "holdfast-sign" {
  const role = /^(receiver|sign)-/.exec(platform)?.[1];
  return role === undefined ? "holdfast" : role === "sign" ? "holdfast-sign" : "holdfast-receiver";
}
