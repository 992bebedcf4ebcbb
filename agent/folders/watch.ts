/**
 * A hint that something in a local folder has changed (04 P12). No more than that: notifications are lost when queues
 * overflow, and shares send none.
 *
 * @module
 */
import { watch } from "node:fs";
import type { Clock } from "../host/clock.ts";
import { FOLDER_HINT_EVERY_MS } from "../limits.ts";
import type { WorkerVoice } from "./conversation.ts";

/** Until it is disposed; where the system cannot watch, polling is all there is. */
export function watchFolder(folder: string, clock: Clock, voice: WorkerVoice): Disposable {
  let isDue = false;
  const hintSoon = (): void => {
    if (isDue) return;
    isDue = true;
    clock.after(FOLDER_HINT_EVERY_MS, () => {
      isDue = false;
      voice.hint();
    });
  };
  try {
    const watcher = watch(folder, { persistent: false }, hintSoon);
    // Such as of a folder that is gone.
    watcher.on("error", () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    return { [Symbol.dispose]: () => {} };
  }
}
