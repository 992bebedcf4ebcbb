/** `release.yaml`: what `holdfast-sign release targets` signs, by file and list of parts (07 section 3). @module */
import { existsSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { PLATFORMS, type Platform } from "#releases/platforms.ts";
import { filesOf } from "./checksums.ts";

/** What only people know of a release. */
export interface ReleaseOrder {
  /** One more than ever before. */
  readonly releaseCounter: number;
  /** The oldest version that may be replaced by this one. */
  readonly minFrom: string;
}

export interface Packaged {
  readonly platform: Platform;
  /** From `dist`. */
  readonly file: string;
  /** Its list of parts as it lies inside, or beside it; from `dist`. */
  readonly sbom: string;
}

const ARCHITECTURES: readonly (readonly [name: RegExp, platform: string])[] = [
  [/[_-](?:amd64|x86_64|linux-x64)\.(?:deb|rpm|tar\.zst)$/, "linux-x64"],
  [/[_-](?:arm64|aarch64|linux-arm64)\.(?:deb|rpm|tar\.zst)$/, "linux-arm64"],
  [/\.(?:msi|exe)$/, "win-x64"],
];
const PROGRAM = /^holdfast(?:-(receiver|sign))?(?=$|[_.-])/;
/** Not packages: what lies beside them. */
const BESIDE = /\.(?:json|txt|yaml)$|\/lib\/[0-9a-f]{16}-[a-z0-9-]+\.node$/;

/** @returns what the files of `dist` are @throws {Error} that names a file of which nobody knows what it is */
export function packagedIn(dist: string): readonly Packaged[] {
  return filesOf(dist)
    .filter((file) => !BESIDE.test(file))
    .map((file) => {
      const found = platformOf(file);
      if (found === undefined) throw new Error(`${file}: is no file that a release consists of`);
      const { platform, target, program } = found;
      const sbom = `${target}/${program}.cdx.json`;
      if (!existsSync(join(dist, sbom))) throw new Error(`${file}: ${sbom} is not there`);
      return { platform, file, sbom };
    });
}

function platformOf(
  file: string,
): { readonly platform: Platform; readonly target: string; readonly program: string } | undefined {
  const name = basename(file);
  const match = PROGRAM.exec(name);
  if (match === null) return undefined;
  const [program, role] = match;
  const target = ARCHITECTURES.find(([pattern]) => pattern.test(name))?.[1] ?? posix.dirname(file);
  const ending = /\.(deb|rpm|tar\.zst|msi)$/.exec(name)?.[1]?.replace(".zst", "");
  const kind = ending ?? (/setup/.test(name) ? "setup" : undefined);
  const key = [role, target, kind].filter((one) => one !== undefined).join("-");
  return Object.hasOwn(PLATFORMS, key) ? { platform: key as Platform, target, program } : undefined;
}

/** @returns YAML; paths in it begin at its own folder, `dist` @throws {Error} as {@link packagedIn}, and if one is there twice */
export function releaseDescription(dist: string, version: string, order: ReleaseOrder): string {
  const packages = packagedIn(dist);
  const twice = packages.find(({ platform }, at) =>
    packages.slice(at + 1).some((other) => other.platform === platform),
  );
  if (twice !== undefined) throw new Error(`${twice.file}: there are two of ${twice.platform}`);
  const lines = packages.map(
    ({ platform, file, sbom }) => `  ${platform}: ${JSON.stringify({ file, sbom })}\n`,
  );
  const { releaseCounter, minFrom } = order;
  return `version: ${version}\nreleaseCounter: ${releaseCounter}\nminFrom: ${minFrom}\npackages:\n${lines.join("")}`;
}
