/** Native add-ons, and what is compiled into them (09 PK14). @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../root.ts";
import type { Platform } from "../runtime.ts";
import { npmPart } from "./bundled-packages.ts";
import { licenceTexts } from "./licences.ts";
import { type LockFile, lockedEntry } from "./lock-file.ts";
import { sqlitePart } from "./node-parts.ts";
import { npmPurl, type Part } from "./part.ts";

/** As its makers name the platforms. */
const KOFFI_PLATFORMS: Readonly<Record<string, string>> = { "win-x64": "win32-x64" };

/**
 * @param addOns the files that lie in the program, by name
 * @returns of each add-on its package, with the digest of the file, and what is in it
 */
export function nativeParts(
  addOns: Readonly<Record<string, string>>,
  platform: Platform,
  lock: LockFile,
): readonly Part[] {
  return Object.entries(addOns).flatMap(([name, file]) => {
    const [part, ...inside] =
      name === "koffi" ? koffiParts(platform, lock) : sqliteParts(name, lock);
    const hex = createHash("sha256").update(readFileSync(file)).digest("hex");
    const hashes = [...part.hashes, { algorithm: "SHA-256", hex, of: "file" } as const];
    return [{ ...part, hashes }, ...inside];
  });
}

/** The package of one platform has the file; texts and what is compiled in lie in the package of all. */
function koffiParts(platform: Platform, lock: LockFile): readonly [Part] {
  const folder = `node_modules/@koromix/koffi-${KOFFI_PLATFORMS[platform] ?? platform}`;
  const { version, hash } = lockedEntry(lock, folder);
  const koffi = npmPart("node_modules/koffi", lock, { kind: "native code", needs: [] });
  if (koffi.version !== version) throw new Error(`${folder}: ${version} is not of ${koffi.purl}`);
  const name = folder.replace("node_modules/", "");
  const vendored = ["node-addon-api", "node-api-headers"].flatMap((one) =>
    licenceTexts(one, join(ROOT, "node_modules/koffi/vendor", one)),
  );
  const texts = [...koffi.texts, ...vendored];
  return [{ ...koffi, purl: npmPurl(name, version), name, hashes: [hash], texts }];
}

/** better-sqlite3, its SQLite, and the headers whose code is compiled into it. */
function sqliteParts(name: string, lock: LockFile): readonly [Part, ...Part[]] {
  const none = { kind: "native code", needs: [] } as const;
  const inside = [
    sqlitePart(join(ROOT, `node_modules/${name}/deps/sqlite3/sqlite3.h`)),
    npmPart("node_modules/node-addon-api", lock, none),
  ];
  const needs = inside.map(({ purl }) => purl);
  return [npmPart(`node_modules/${name}`, lock, { ...none, needs }), ...inside];
}
