/** A program and its threads, each in one file (09 PK3). @module */
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import type { Program } from "./programs.ts";
import { ROOT } from "./root.ts";

export interface Bundled {
  readonly file: string;
  /** What is inside, for the list of parts. */
  readonly metafile: Metafile;
}

const SHARED = {
  ...{ absWorkingDir: ROOT, bundle: true, platform: "node", target: "node24", charset: "ascii" },
  ...{ legalComments: "none", metafile: true, logLevel: "error" },
  ...{ sourcemap: "external", sourcesContent: false },
  // Paths are written into the bundle: those below the project, wherever its packages lie.
  preserveSymlinks: true,
  // Native code that ws and others would take if it were there.
  external: ["bufferutil", "utf-8-validate", "koffi", "osx-temperature-sensor"],
  define: {
    "import.meta.url": "__moduleUrl",
    "import.meta.dirname": "__dirname",
    "process.env.WS_NO_BUFFER_UTIL": '"1"',
    "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
  },
} as const satisfies BuildOptions;

/** Packages want a URL that can be a file's, and on Windows a made-up one cannot. */
const MODULE_URL = `var __moduleUrl = require("node:url").pathToFileURL(__filename).href;`;

/** Our own sources know each other by where they are in the project: a name inside the executable. */
const named = (replaced: Program["replaced"] = {}): Plugin => ({
  name: "named",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const name = relative(ROOT, path).replaceAll(sep, "/");
      const text = replaced[name] ?? readFileSync(path, "utf8");
      const url = JSON.stringify(`file:///${name}`);
      return { contents: text.replaceAll("import.meta.url", url), loader: "ts" };
    }),
});

/** @param folder where to @throws {Error} what esbuild cannot make of a source */
export async function bundleProgram({ main, replaced }: Program, folder: string): Promise<Bundled> {
  const file = join(folder, "main.cjs");
  const banner = { js: MODULE_URL };
  const made = await build({
    ...{ ...SHARED, plugins: [named(replaced)], entryPoints: [main], outfile: file, banner },
    format: "cjs",
  });
  escapeBeyondAscii(file);
  return { file, metafile: made.metafile };
}

/**
 * A text with one character above U+00FF is held by V8 as two bytes a character: 18 MB of memory instead of 9, and a
 * fifth of the time of a start. esbuild (`charset`) writes code in ASCII; what it leaves stands in comments, patterns and
 * templates with a tag, where an escape means the same (not for `String.raw`: see the tests).
 *
 * @throws {Error} behind a backslash it would mean something else
 */
function escapeBeyondAscii(file: string): void {
  const text = readFileSync(file, "utf8");
  const [at] = /.{0,40}\\[^\0-\x7f]/.exec(text) ?? [];
  if (at !== undefined) throw new Error(`a backslash before what is not ASCII: ${at}`);
  const escaped = text.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  writeFileSync(file, escaped);
}

/**
 * Threads are started from text, which runs at global scope: in a file of CommonJS a `var crypto` would meet the
 * global of that name, which is read-only.
 */
export async function bundleThread(main: string, folder: string): Promise<Bundled> {
  const file = join(folder, main.replaceAll("/", "-").replace(/\.ts$/, ".js"));
  const banner = { js: MODULE_URL.replace("__filename", "process.execPath") };
  const made = await build({
    ...{
      ...SHARED,
      plugins: [named()],
      entryPoints: [main],
      outfile: file,
      format: "iife",
      banner,
    },
  });
  escapeBeyondAscii(file);
  return { file, metafile: made.metafile };
}
