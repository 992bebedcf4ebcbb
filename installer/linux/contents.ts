/** What a package for Linux is made of, whatever its format (09 2.1). @module */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import type { AddOnName } from "#packaged/add-ons.ts";
import { AGENT } from "../programs.ts";
import { ROOT } from "../root.ts";
import type { Platform } from "../runtime.ts";

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
  /** Schema of the store that it writes (05 S5), for who exchanges it for another; only of the agent. */
  readonly storeSchema?: number;
  readonly files: readonly PackagedFile[];
  /** Lines of shell that are run before the program is removed: they say what will remain. */
  readonly farewell: string;
}

const HERE = "installer/linux";

export const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  version: string;
};

/**
 * @param executable that was built for the platform, with its native code in `lib` beside it
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
    storeSchema: SCHEMA_VERSION,
    farewell: "/opt/holdfast/bin/holdfast service remains || true",
    files: [
      file("opt/holdfast/bin/holdfast", executable, 0o755),
      ...addOnFiles("opt/holdfast/lib", executable, AGENT.addOns),
      ...unitFiles("holdfast", ["service", "socket"]),
      ...unitFiles("holdfast-rekey", ["service", "timer"]),
      ...unitFiles("holdfast-updater", ["service", "timer"]),
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

/** The native code beside an executable, of those that it asks for. */
export function addOnFiles(
  folder: string,
  executable: string,
  names: readonly AddOnName[],
): PackagedFile[] {
  const lib = join(dirname(executable), "lib");
  const wanted = (found: string): boolean => names.some((name) => found.endsWith(`-${name}.node`));
  const found = readdirSync(lib).filter(wanted).sort();
  if (found.length !== names.length) throw new Error(`${lib}: not every add-on is there`);
  return found.map((name) => file(`${folder}/${name}`, join(lib, name)));
}
