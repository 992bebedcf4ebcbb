/**
 * A script of a rig that is started a hundred times, as one file: from source each start loads some 150 modules, and its
 * writer's thread as many again.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, stop } from "esbuild";
import { BUNDLED_ROOT } from "./programs.ts";

const ROOT = join(import.meta.dirname, "../..");
const THREADS = join(import.meta.dirname, "bundled-workers.ts");
const NATIVE = ["better-sqlite3", "bufferutil", "koffi", "utf-8-validate"];

const known = new Map<string, Promise<readonly string[]>>();

/**
 * @param file the script, a source of this tree
 * @returns what to start, before its arguments; from source where `npm test` has bundled no programs
 */
export function scriptCommand(file: string): Promise<readonly string[]> {
  if (process.env[BUNDLED_ROOT] !== ROOT) return Promise.resolve([process.execPath, file]);
  const made = known.get(file) ?? bundled(file);
  known.set(file, made);
  return made;
}

async function bundled(file: string): Promise<readonly string[]> {
  // In the tree, or the native packages would not be found.
  const folder = mkdtempSync(join(ROOT, "build/script-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, basename(file).replace(/\.ts$/, ".mjs"));
  await build({
    ...{ absWorkingDir: ROOT, entryPoints: [file], outfile, external: NATIVE },
    ...{ bundle: true, format: "esm", platform: "node", target: "node24", logLevel: "error" },
    banner: {
      js: 'import { createRequire as makeRequire__ } from "node:module"; const require = makeRequire__(import.meta.url);',
    },
    plugins: [
      {
        name: "located",
        setup: ({ onLoad }) =>
          onLoad({ filter: /\.ts$/ }, ({ path }) => ({ contents: located(path), loader: "ts" })),
      },
    ],
  });
  // Its process would keep ours from ending.
  await stop();
  return [process.execPath, "--import", THREADS, outfile];
}

/** What lies beside a source is found from there; `THREADS` starts the bundled thread instead. */
const located = (path: string): string =>
  readFileSync(path, "utf8")
    .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href))
    .replaceAll("import.meta.dirname", JSON.stringify(join(path, "..")));
