/** A package for Debian and Ubuntu (09 PK18; Debian Policy 5, 6). @module */
import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STORE_SCHEMA } from "#agent/updater/package-manager.ts";
import { ROOT } from "../root.ts";
import { sourceDate } from "../source-date.ts";
import type { LinuxPackage } from "./contents.ts";
import { filled } from "./scripts.ts";
import { settle, stage } from "./stage.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = {
  "linux-x64": "amd64",
  "linux-arm64": "arm64",
};
const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"];

/**
 * @param compression `xz` for a release; `none` where it is installed at once
 * @returns its path, in `dist`
 */
export function makeDeb(
  linux: LinuxPackage,
  dist: string,
  work: string,
  compression: "xz" | "none" = "xz",
): string {
  const { name, version, platform } = linux;
  const folder = join(work, `${name}-deb`);
  stage(linux, folder);
  const architecture = ARCHITECTURES[platform] ?? platform;
  const control = join(folder, "DEBIAN");
  mkdirSync(control);
  writeFileSync(join(control, "control"), controlText(linux, architecture, bytesOf(folder)));
  writeFileSync(join(control, "md5sums"), digestsOf(folder, linux));
  for (const script of SCRIPTS) {
    const text = readFileSync(join(ROOT, "installer/linux/deb", script), "utf8");
    writeFileSync(join(control, script), filled(text, linux));
    chmodSync(join(control, script), 0o755);
  }
  settle(folder);
  const file = join(dist, `${name}_${version}_${architecture}.deb`);
  const options = ["--root-owner-group", `-Z${compression}`, "--threads-max=1"];
  const build = ["dpkg-deb", ...options, "--build", folder, file];
  execFileSync("env", [`SOURCE_DATE_EPOCH=${sourceDate()}`, ...build], { stdio: "pipe" });
  return file;
}

const controlText = (linux: LinuxPackage, architecture: string, bytes: number): string =>
  `Package: ${linux.name}
Version: ${linux.version}
Section: net
Priority: optional
Architecture: ${architecture}
Maintainer: Holdfast <support@holdfast.example>
Installed-Size: ${Math.ceil(bytes / 1_024)}
Depends: libc6 (>= 2.28), libstdc++6, systemd
${linux.storeSchema === undefined ? "" : `Provides: ${STORE_SCHEMA} (= ${linux.storeSchema})\n`}Description: ${linux.summary}
 Needs nothing but what it depends on: no runtime, no download. It asks no
 question when it is installed, and removing it keeps what it has stored.
`;

function digestsOf(folder: string, { files }: LinuxPackage): string {
  const paths = files.map(({ path }) => path).sort();
  return execFileSync("md5sum", paths, { cwd: folder, encoding: "utf8" });
}

function bytesOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.reduce((sum, name) => sum + lstatSync(join(folder, name)).size, 0);
}
