/** All packages of a platform of Linux: for the agent and for the receiver, in each format (09 2, T-K01). @module */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Made } from "../bill/made.ts";
import { billFiles, NOTICES } from "../bill/write-bill.ts";
import { AGENT, RECEIVER } from "../programs.ts";
import { ROOT } from "../root.ts";
import { agentPackage, type LinuxPackage } from "./contents.ts";
import { makeDeb } from "./deb.ts";
import { receiverPackage } from "./receiver-contents.ts";
import { makeRpm } from "./rpm.ts";
import { makeTar } from "./tar.ts";

const WORK = join(ROOT, "build/packages");
const MB = 1_000_000;
const LIMIT_MB = 36;

/**
 * @param made executables of one platform, with what `writeBill` wrote beside them
 * @param dist where the notices lie
 * @param isTrial whether they are packed quickly, not small
 * @returns paths of the packages, beside the executables
 * @throws {Error} for one that is larger than it may be
 */
export function makeLinuxPackages(made: readonly Made[], dist: string, isTrial: boolean): string[] {
  return made.flatMap(({ program, platform, file }) => {
    const { cycloneDx, spdx } = billFiles(file);
    const papers = [join(dist, NOTICES), cycloneDx, spdx];
    if (program === AGENT) return eachFormat(agentPackage(file, platform, papers), file, isTrial);
    if (program !== RECEIVER) return [];
    return eachFormat(receiverPackage(file, platform, papers), file, isTrial);
  });
}

function eachFormat(linux: LinuxPackage, executable: string, isTrial: boolean): string[] {
  const place = dirname(executable);
  const work = join(WORK, linux.platform);
  const files = isTrial
    ? [makeDeb(linux, place, work, "none")]
    : [makeDeb(linux, place, work), makeRpm(linux, place, work), makeTar(linux, place, work)];
  for (const file of isTrial ? [] : files) {
    const megabytes = statSync(file).size / MB;
    if (megabytes > LIMIT_MB) throw new Error(`${file}: ${megabytes} MB of ${LIMIT_MB}`);
  }
  return files;
}
