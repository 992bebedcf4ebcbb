/** What the receiver's package for Linux is made of: its program, its unit, its account (09 1.3, 2.1). @module */
import { basename } from "node:path";
import { RECEIVER } from "../programs.ts";
import type { Platform } from "../runtime.ts";
import { addOnFiles, file, type LinuxPackage, unitFiles, version } from "./contents.ts";

const HERE = "installer/linux";
const DOCUMENTS = "usr/share/doc/holdfast-receiver";

/**
 * @param executable that was built for the platform
 * @param papers notices, list of parts, release metadata: what lies beside the program
 */
export function receiverPackage(
  executable: string,
  platform: Platform,
  papers: readonly string[],
): LinuxPackage {
  return {
    ...{ name: "holdfast-receiver", version, platform },
    summary: "The cloud end of Holdfast: stores HL7 v2 messages of agents, once and in order",
    farewell: 'echo "Agents keep what this receiver has not acknowledged, and dial on."',
    files: [
      file("opt/holdfast-receiver/bin/holdfast-receiver", executable, 0o755),
      ...addOnFiles("opt/holdfast-receiver/lib", executable, RECEIVER.addOns),
      ...unitFiles("holdfast-receiver", ["service"]),
      file("usr/lib/sysusers.d/holdfast-receiver.conf", `${HERE}/holdfast-receiver-sysusers.conf`),
      file(`${DOCUMENTS}/receiver.yaml.example`, `${HERE}/receiver.yaml.example`),
      file(`${DOCUMENTS}/haproxy.cfg`, "docs/haproxy.cfg"),
      file("usr/share/man/man1/holdfast-receiver.1", `${HERE}/holdfast-receiver.1`),
      ...papers.map((paper) => file(`${DOCUMENTS}/${basename(paper)}`, paper)),
    ],
  };
}
