/** `holdfast-receiver version`. @module */
import { z } from "zod";
import { ownFile } from "#packaged/own-files.ts";
import { SUBPROTOCOL } from "#protocol/limits.ts";
import { SCHEMA_VERSION } from "../store/sqlite/migrations.ts";
import type { Output } from "./output.ts";

const PACKAGE = z.object({ version: z.string() });

/** Prints the version of the program, of the protocol and of the store's schema. */
export async function version(output: Output, options: { readonly json?: boolean }): Promise<void> {
  const text = Buffer.from(ownFile(new URL("../../package.json", import.meta.url))).toString();
  const facts = {
    version: PACKAGE.parse(JSON.parse(text)).version,
    protocol: SUBPROTOCOL,
    schema: SCHEMA_VERSION,
  };
  await output.print(
    options.json === true ? JSON.stringify(facts) : `holdfast-receiver ${facts.version}`,
  );
}
