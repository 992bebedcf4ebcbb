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

/** @returns whether it did; what it says goes to the journal */
export function installPackage(kind: KeptRelease["kind"], file: string): boolean {
  const [program, ...args] = COMMANDS[kind];
  const { status } = spawnSync(program, [...args, file], {
    env: {
      ...{ [BY_UPDATER]: "1", LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    },
    ...{ cwd: "/", stdio: ["ignore", "inherit", "inherit"], timeout: LIMIT_MS },
  });
  return status === 0;
}
