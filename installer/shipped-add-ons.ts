/** The native add-ons of a platform as they are shipped: by the names that the executable asks for (09 PK8). @module */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { AddOnName } from "#packaged/add-ons.ts";
import { signForWindows, type WindowsSigner } from "./authenticode.ts";
import { type Platform, runtimeOf } from "./runtime.ts";

/** As `packaged/add-ons.ts` looks for them. */
const NAME_DIGITS = 16;

export type AddOnFiles = Readonly<Record<AddOnName, string>>;

/**
 * Copies them.
 *
 * @param lib where to
 * @param signer upstream signs none of those for Windows, and AppLocker would refuse them
 * @returns their paths there
 */
export function shipAddOns(platform: Platform, lib: string, signer?: WindowsSigner): AddOnFiles {
  const { addOns } = runtimeOf(platform);
  mkdirSync(lib, { recursive: true });
  const ship = (name: AddOnName): string => {
    const copy = join(lib, `${name}.node`);
    copyFileSync(addOns[name], copy);
    if (signer !== undefined && platform === "win-x64") signForWindows(copy, signer);
    const digest = createHash("sha256").update(readFileSync(copy)).digest("hex");
    const named = join(lib, `${digest.slice(0, NAME_DIGITS)}-${name}.node`);
    renameSync(copy, named);
    return named;
  };
  return { "better-sqlite3": ship("better-sqlite3"), koffi: ship("koffi") };
}
