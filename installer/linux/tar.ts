/** An archive for those whose system has neither deb nor rpm: unpack, `./holdfast service install` (09 2.1, PK13). @module */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { sourceDate } from "../source-date.ts";
import type { LinuxPackage } from "./contents.ts";
import { settle } from "./stage.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64",
  "linux-arm64": "aarch64",
};
/** What of a package's files lies beside the program; the rest the program brings along. */
const BESIDE = /^(?:opt\/[^/]+\/(?:bin|lib)|usr\/share\/doc)\//;

/**
 * @param level of zstd: 19 for a release
 * @returns its path, in `dist`
 */
export function makeTar(linux: LinuxPackage, dist: string, work: string, level = 19): string {
  const { name, version, platform } = linux;
  const top = `${name}-${version}`;
  const folder = join(work, `${name}-tar`);
  rmSync(folder, { recursive: true, force: true });
  for (const { path, from } of linux.files.filter((one) => BESIDE.test(one.path))) {
    const target = join(folder, top, /\/lib\//.test(path) ? "lib" : "", basename(path));
    mkdirSync(join(target, ".."), { recursive: true });
    copyFileSync(from, target);
  }
  settle(folder);
  const file = join(dist, `${top}-linux-${ARCHITECTURES[platform] ?? platform}.tar.zst`);
  const fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
  const times = [`--mtime=@${sourceDate()}`, "--format=gnu"];
  const packed = ["-I", `zstd -${level} -T1 --quiet`, "-cf", file, "-C", folder, top];
  execFileSync("tar", [...fixed, ...times, ...packed], { stdio: "pipe" });
  return file;
}
