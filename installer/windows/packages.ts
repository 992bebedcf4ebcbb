/** The agent's packages for Windows: `setup.exe` and an MSI (09 2). @module */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import type { Made } from "../bill/made.ts";
import { billFiles, NOTICES } from "../bill/write-bill.ts";
import { AGENT } from "../programs.ts";
import { ROOT } from "../root.ts";
import { layOut } from "./layout.ts";
import { makeMsi } from "./msi.ts";
import { makeSetup } from "./setup.ts";

const WORK = join(ROOT, "build/windows");

/**
 * @param made for Windows, the signing tool included, which is in no package
 * @returns their paths, in `dist`
 * @throws {Error} what a tool says, or that it is missing (Debian: nsis, wixl, msitools)
 */
export function makeWindowsPackages(made: readonly Made[], dist: string): readonly string[] {
  const agent = made.find(({ program }) => program.name === AGENT.name);
  if (agent === undefined) throw new Error("no agent was built for Windows");
  const { version } = manifest;
  mkdirSync(WORK, { recursive: true });
  const { cycloneDx, spdx } = billFiles(agent.file);
  const files = layOut(agent, [join(dist, NOTICES), cycloneDx, spdx], join(WORK, "layout"));
  return [
    makeMsi(files, dist, WORK, version),
    makeSetup(files, dist, { version, packing: "small" }),
  ];
}
