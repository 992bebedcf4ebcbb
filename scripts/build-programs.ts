/**
 * Bundles the programs, as they are, into `build/programs`: a start from a thousand source files takes three times as
 * long, and the tests start thousands. Nobody else uses it; what is installed is made otherwise (09 PK3).
 *
 * @module
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, stop } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const OUT = join(ROOT, "build/programs");
/** Each of their commands loads parts of its own. */
const PROGRAMS = ["agent/main.ts", "documents/cli/main.ts", "receiver/main.ts"];
/** Each loads all of itself, whenever it starts: one file is read faster than fifty. */
const THREADS = [
  "agent/folders/worker.ts",
  "agent/host/loop-watchdog-thread.ts",
  "agent/outbox/upkeep/backup-worker.ts",
  "agent/outbox/writing/writer.ts",
  "receiver/store/sqlite/writer.ts",
];
const REQUIRE = `import { createRequire as makeRequire__ } from "node:module"; const require = makeRequire__(${JSON.stringify(pathToFileURL(join(ROOT, "package.json")).href)});`;

const built = (source: string): string =>
  join(OUT, relative(ROOT, source).replace(/\.ts$/, ".mjs"));

/** Files beside a source are found from there; a worker beside it is the bundled one. */
function located(path: string): string {
  const here = JSON.stringify(pathToFileURL(path).href);
  return readFileSync(path, "utf8")
    .replace(/new URL\("(\.\/[a-z-]+\.ts)", import\.meta\.url\)/g, (_, file: string) => {
      const worker = pathToFileURL(built(join(dirname(path), file))).href;
      return `new URL(${JSON.stringify(worker)})`;
    })
    .replaceAll("import.meta.url", here);
}

function bundle(entryPoints: readonly string[], splitting: boolean): Promise<unknown> {
  return build({
    ...{ absWorkingDir: ROOT, entryPoints: [...entryPoints], outbase: ROOT, outdir: OUT },
    ...{ bundle: true, splitting, format: "esm", platform: "node", target: "node24" },
    ...{ outExtension: { ".js": ".mjs" }, logLevel: "error", banner: { js: REQUIRE } },
    // Native code, what ws has as an option, and what reads files beside itself.
    external: ["@platformatic/kafka", "better-sqlite3", "bufferutil", "koffi", "utf-8-validate"],
    plugins: [
      {
        name: "located",
        setup: ({ onLoad }) =>
          onLoad({ filter: /\.ts$/ }, ({ path }) => ({ contents: located(path), loader: "ts" })),
      },
    ],
  });
}

/** @throws {Error} what esbuild cannot make of a source */
export async function buildPrograms(): Promise<void> {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(OUT, "node_modules"));
  await bundle(PROGRAMS, true);
  await bundle(THREADS, false);
  // Its process would keep ours from ending.
  await stop();
}
