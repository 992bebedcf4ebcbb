/** `holdfast version`. @module */
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printFacts } from "./terminal.ts";

export function version(options: { readonly version: string; readonly json: boolean }): ExitCode {
  const facts = { version: options.version, node: process.versions.node, protocol: "holdfast.v1" };
  printFacts(options.json, facts, () => [
    `holdfast ${facts.version} (Node ${facts.node}, tunnel protocol ${facts.protocol})`,
  ]);
  return EXIT.ok;
}
