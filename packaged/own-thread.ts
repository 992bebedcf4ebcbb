/** Threads of our own: from their file, or from the text inside the packaged executable (09 PK3). @module */

import { getAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** @param at its first module, such as `new URL("./writer.ts", import.meta.url)` */
export function startOwnThread(at: URL, options: Omit<WorkerOptions, "eval">): Worker {
  if (!isSea()) return new Worker(at, options);
  const name = at.pathname.slice(1);
  // By its name a thread finds what belongs to it.
  return new Worker(getAsset(name, "utf8"), { ...options, name, eval: true });
}

/**
 * What `fork` starts.
 *
 * @param at a module from source
 * @param command what the packaged executable, which has no modules to start, does in its place
 */
export function ownProgram(at: URL, command: string): string {
  return isSea() ? command : fileURLToPath(at);
}
