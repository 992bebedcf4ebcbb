/** Node, and what lies in it: by its own account, `process.versions` (09 PK14). @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Platform } from "../runtime.ts";
import { type LockFile, lockedEntry } from "./lock-file.ts";
import { npmPurl, otherPurl, type Part } from "./part.ts";

/** Of the Node that builds: the same version, and so the same text. */
const LICENSE = join(dirname(process.execPath), "../LICENSE");

interface Inside {
  readonly name: string;
  readonly licence: Part["licence"];
  /** As its makers declare it, where they leave a choice. */
  readonly declared?: string;
  readonly cpe?: readonly [vendor: string, product: string];
  /** A package of the registry that Node has taken in. */
  readonly isNpm?: true;
}

/** What a key of `process.versions` is. Its text stands in Node's LICENSE. */
const INSIDE: Readonly<Record<string, Inside>> = {
  acorn: { name: "acorn", licence: "MIT", isNpm: true },
  ada: { name: "ada", licence: "MIT", declared: "MIT OR Apache-2.0" },
  amaro: { name: "amaro", licence: "MIT", isNpm: true },
  ares: { name: "c-ares", licence: "MIT", cpe: ["c-ares", "c-ares"] },
  brotli: { name: "brotli", licence: "MIT", cpe: ["google", "brotli"] },
  cldr: { name: "cldr", licence: "Unicode-3.0" },
  icu: {
    name: "icu",
    licence: "Unicode-3.0",
    cpe: ["icu-project", "international_components_for_unicode"],
  },
  llhttp: { name: "llhttp", licence: "MIT", cpe: ["llhttp", "llhttp"] },
  merve: { name: "merve", licence: "MIT", declared: "MIT OR Apache-2.0" },
  nbytes: { name: "nbytes", licence: "MIT" },
  ncrypto: { name: "ncrypto", licence: "MIT" },
  nghttp2: { name: "nghttp2", licence: "MIT", cpe: ["nghttp2", "nghttp2"] },
  nghttp3: { name: "nghttp3", licence: "MIT" },
  ngtcp2: { name: "ngtcp2", licence: "MIT" },
  openssl: { name: "openssl", licence: "Apache-2.0", cpe: ["openssl", "openssl"] },
  simdjson: { name: "simdjson", licence: "MIT", declared: "MIT OR Apache-2.0" },
  simdutf: { name: "simdutf", licence: "MIT", declared: "MIT OR Apache-2.0" },
  sqlite: { name: "sqlite", licence: "blessing", cpe: ["sqlite", "sqlite"] },
  tz: { name: "tzdata", licence: "LicenseRef-public-domain" },
  undici: { name: "undici", licence: "MIT", cpe: ["nodejs", "undici"], isNpm: true },
  unicode: { name: "unicode-character-database", licence: "Unicode-3.0" },
  uv: { name: "libuv", licence: "MIT", cpe: ["libuv", "libuv"] },
  uvwasi: { name: "uvwasi", licence: "MIT" },
  v8: { name: "v8", licence: "BSD-3-Clause", cpe: ["google", "v8"] },
  zlib: { name: "zlib", licence: "Zlib", cpe: ["zlib", "zlib"] },
  zstd: { name: "zstd", licence: "BSD-3-Clause", declared: "BSD-3-Clause OR GPL-2.0-only" },
};
/** SQLite's, which Node's LICENSE leaves out. */
const BLESSING = `The author disclaims copyright to this source code.  In place of
a legal notice, here is a blessing:

   May you do good and not evil.
   May you find forgiveness for yourself and forgive others.
   May you share freely, never taking more than you give.`;
/** Numbers of interfaces, not parts. */
const NO_PARTS: ReadonlySet<string> = new Set(["node", "modules", "napi"]);

/**
 * @param versions of a Node of the same version, for the one of another platform does not run here
 * @returns Node first @throws {Error} that names a key of `versions` that nobody has told us about
 */
export function nodeParts(
  { executable, platform }: { readonly executable: string; readonly platform: Platform },
  lock: LockFile,
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): readonly Part[] {
  const { version, hash } = lockedEntry(lock, `node_modules/node-${platform}`);
  if (version !== versions["node"]) {
    throw new Error(
      `Node ${version} would be described by what ${versions["node"]} says of itself`,
    );
  }
  const inside = Object.entries(versions)
    .filter(([key, value]) => !NO_PARTS.has(key) && value !== undefined && value !== "")
    .map(([key, value = ""]) => partOfNode(key, value));
  const sha256 = createHash("sha256").update(readFileSync(executable)).digest("hex");
  const node: Part = {
    ...{ purl: otherPurl("node", version), name: "node", version, kind: "runtime" },
    ...{ declared: "MIT", licence: "MIT", cpe: cpe("nodejs", "node.js", version) },
    texts: [readFileSync(LICENSE, "utf8").trim()],
    hashes: [hash, { algorithm: "SHA-256", hex: sha256, of: "file" }],
    needs: inside.map(({ purl }) => purl).sort(),
  };
  return [node, ...inside];
}

function partOfNode(key: string, version: string): Part {
  const known = Object.hasOwn(INSIDE, key) ? INSIDE[key] : undefined;
  if (known === undefined)
    throw new Error(`Node says that ${key} ${version} lies in it: who is that?`);
  const { name, licence, declared = licence, isNpm } = known;
  return {
    purl: isNpm === true ? npmPurl(name, version) : otherPurl(name, version),
    ...{ name, version, kind: "runtime", declared, licence },
    ...{ texts: licence === "blessing" ? [BLESSING] : [], hashes: [], needs: [] },
    ...(known.cpe === undefined ? {} : { cpe: cpe(...known.cpe, version) }),
  };
}

/** @see NISTIR 7695 for the escapes */
function cpe(vendor: string, product: string, version: string): string {
  const escaped = version.replace(/-.*$/, "").replaceAll(/[^A-Za-z0-9._]/g, "\\$&");
  return `cpe:2.3:a:${vendor}:${product}:${escaped}:*:*:*:*:*:*:*`;
}

/** The SQLite that better-sqlite3 is compiled with, which is another one than Node's. @param header `sqlite3.h` */
export function sqlitePart(header: string): Part {
  const text = readFileSync(header, "utf8");
  const version = /^#define SQLITE_VERSION\s+"(\d+\.\d+\.\d+)"$/m.exec(text)?.[1];
  if (version === undefined || !text.replaceAll(/^\*\* ?/gm, "").includes(BLESSING)) {
    throw new Error(`${header}: it does not say which SQLite this is, or has another licence`);
  }
  return {
    // As Node's has the same name, this one says whose it is.
    purl: `${otherPurl("sqlite", version)}?in=better-sqlite3`,
    ...{ name: "sqlite", version, kind: "native code", declared: "blessing", licence: "blessing" },
    texts: [BLESSING],
    ...{ hashes: [], needs: [], cpe: cpe("sqlite", "sqlite", version) },
  };
}
