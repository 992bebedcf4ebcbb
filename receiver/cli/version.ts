/** `holdfast-receiver version`. @module */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import { SCHEMA_VERSION } from "../store/sqlite/migrations.ts";
import type { Output } from "./output.ts";

const PACKAGE = z.object({ version: z.string() });

/** Prints the version of the program, of the protocol and of the store's schema. */
export async function version(output: Output, options: { readonly json?: boolean }): Promise<void> {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const facts = {
    version: PACKAGE.parse(JSON.parse(text)).version,
    protocol: SUBPROTOCOL,
    schema: SCHEMA_VERSION,
  };
  await output.print(
    options.json === true ? JSON.stringify(facts) : `holdfast-receiver ${facts.version}`,
  );
}
