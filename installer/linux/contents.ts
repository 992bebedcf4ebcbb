/** What a package for Linux is made of, whatever its format (09 2.1). @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { ROOT } from "../root.ts";
import { type Platform, runtimeOf } from "../runtime.ts";

export interface PackagedFile {
  /** Where it will lie, without the leading `/`. */
  readonly path: string;
  readonly from: string;
  readonly mode: 0o644 | 0o755;
}

export interface LinuxPackage {
  /** Of the package, the program, the unit, the account and the folders. */
  readonly name: "holdfast" | "holdfast-receiver";
  readonly version: string;
  readonly platform: Platform;
  readonly summary: string;
  readonly files: readonly PackagedFile[];
  /** Lines of shell that are run before the program is removed: they say what will remain. */
  readonly farewell: string;
}

/** As they stand in the names of native code (09 PK8). */
const NAME_DIGITS = 16;
const HERE = "installer/linux";

export const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  version: string;
};

/**
 * @param executable that was built for the platform
 * @param papers notices, list of parts, release metadata: what lies beside the program
 */
export function agentPackage(
  executable: string,
  platform: Platform,
  papers: readonly string[],
): LinuxPackage {
  return {
    ...{ name: "holdfast", version, platform },
    summary: "Store-and-forward gateway for HL7 v2 messages",
    farewell: "/opt/holdfast/bin/holdfast service remains || true",
    files: [
      file("opt/holdfast/bin/holdfast", executable, 0o755),
      ...addOnFiles("opt/holdfast/lib", platform, ["better-sqlite3", "koffi"]),
      ...unitFiles("holdfast", ["service", "socket"]),
      file("usr/lib/tmpfiles.d/holdfast.conf", `${HERE}/tmpfiles.conf`),
      file("usr/lib/sysusers.d/holdfast.conf", `${HERE}/sysusers.conf`),
      file("usr/share/doc/holdfast/local.yaml.example", `${HERE}/local.yaml.example`),
      file("usr/share/man/man1/holdfast.1", `${HERE}/holdfast.1`),
      ...papers.map((paper) => file(`usr/share/doc/holdfast/${basename(paper)}`, paper)),
    ],
  };
}

export const file = (
  path: string,
  from: string,
  mode: PackagedFile["mode"] = 0o644,
): PackagedFile => ({
  ...{ path, mode, from: resolve(ROOT, from) },
});

export function unitFiles(name: string, kinds: readonly string[]): PackagedFile[] {
  return kinds.map((kind) =>
    file(`usr/lib/systemd/system/${name}.${kind}`, `${HERE}/${name}.${kind}`),
  );
}

export function addOnFiles(
  folder: string,
  platform: Platform,
  names: readonly ("better-sqlite3" | "koffi")[],
): PackagedFile[] {
  const { addOns } = runtimeOf(platform);
  return names.map((name) => {
    const from = resolve(ROOT, addOns[name]);
    const digest = createHash("sha256").update(readFileSync(from)).digest("hex");
    return file(`${folder}/${digest.slice(0, NAME_DIGITS)}-${name}.node`, from);
  });
}
