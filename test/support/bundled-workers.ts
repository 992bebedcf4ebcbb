/**
 * Loaded by `npm test` before each test file: threads that the code under test starts come from the bundle, too. From
 * source each of them loads 175 modules, and the tests start thousands.
 *
 * @module
 */
import { syncBuiltinESMExports } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import threads, { isMainThread, type WorkerOptions } from "node:worker_threads";

const ROOT = join(import.meta.dirname, "../..");

function bundled(file: string | URL): string | URL {
  if (!(file instanceof URL) || file.protocol !== "file:") return file;
  const path = relative(ROOT, fileURLToPath(file));
  const isOurs = /^(?:agent|receiver)\/.*\.ts$/.test(path);
  return isOurs ? pathToFileURL(join(ROOT, "build/programs", path.replace(/\.ts$/, ".mjs"))) : file;
}

if (isMainThread) {
  class BundledWorker extends threads.Worker {
    constructor(file: string | URL, options?: WorkerOptions) {
      // What `npm test` loads before each file has nothing to do in its threads, and takes a tenth of their start.
      super(bundled(file), { execArgv: [], ...options });
    }
  }
  Object.assign(threads, { Worker: BundledWorker });
  syncBuiltinESMExports();
}
