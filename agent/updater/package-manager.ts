/** The package manager of the system, which knows what is installed (09 2.1). From fixed places, with an environment of its own. @module */
import { spawnSync } from "node:child_process";
import type { KeptRelease } from "./journal.ts";

/** The scripts of a package know by it that somebody else exchanges the service. */
export const BY_UPDATER = "HOLDFAST_UPDATER";

const COMMANDS: Readonly<Record<KeptRelease["kind"], readonly [string, ...string[]]>> = {
  deb: ["/usr/bin/dpkg", "--install"],
  // The one before is older, and perhaps what its database says already.
  rpm: ["/usr/bin/rpm", "--upgrade", "--oldpackage", "--replacepkgs"],
};
const LIMIT_MS = 300_000;

/** What a package says that it provides, with the number of the store's schema as its version. */
export const STORE_SCHEMA = "holdfast-store-schema";
const PROVIDED: Readonly<Record<KeptRelease["kind"], readonly [string, ...string[]]>> = {
  deb: ["/usr/bin/dpkg-deb", "--field"],
  rpm: ["/usr/bin/rpm", "--query", "--provides", "--package"],
};

const ENVIRONMENT = {
  ...{ [BY_UPDATER]: "1", LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
};

/** @returns whether it did; what it says goes to the journal */
export function installPackage(kind: KeptRelease["kind"], file: string): boolean {
  const [program, ...args] = COMMANDS[kind];
  const { status } = spawnSync(program, [...args, file], {
    ...{ env: ENVIRONMENT, cwd: "/", stdio: ["ignore", "inherit", "inherit"], timeout: LIMIT_MS },
  });
  return status === 0;
}

/**
 * The schema of the store that a package's program writes (05 S5), by what the package itself says.
 *
 * @param file a package that was verified
 * @returns `undefined` where it says none: it is older than the updater
 */
export function storeSchemaOf(kind: KeptRelease["kind"], file: string): number | undefined {
  const [program, ...args] = PROVIDED[kind];
  const { stdout } = spawnSync(program, [...args, file], {
    ...{ env: ENVIRONMENT, cwd: "/", encoding: "utf8", timeout: LIMIT_MS },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = new RegExp(`^(?:Provides: )?${STORE_SCHEMA} \\(?= (\\d{1,6})\\)?$`, "m").exec(
    stdout ?? "",
  );
  return said?.[1] === undefined ? undefined : Number(said[1]);
}
