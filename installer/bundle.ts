/** A program and its threads, each in one file (09 PK3). @module */
import { readFileSync } from "node:fs";
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
  ...{ absWorkingDir: ROOT, bundle: true, platform: "node", target: "node24", charset: "utf8" },
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
  return { file, metafile: made.metafile };
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
  return { file, metafile: made.metafile };
}
