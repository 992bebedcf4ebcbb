/**
 * A loop that hangs ends the process, where no service manager watches it: on Windows, and on Linux without systemd
 * (09 SV13).
 *
 * @module
 */
import { startOwnThread } from "#packaged/own-thread.ts";
import type { Clock, Timer } from "./clock.ts";
import type { WatchdogData } from "./watchdog-data.ts";

/** A loop that does not turn for so long is taken for hung. */
const LIMIT_MS = 60_000;
/** So many signs of life may be lost. */
const PARTS = 6;

/**
 * From now on this process is killed when its loop has not turned for `limitMs`; whoever started it starts it anew.
 *
 * @returns ends it
 */
export function watchLoop(clock: Clock, limitMs = LIMIT_MS): Disposable {
  const turns = new Int32Array(new SharedArrayBuffer(4));
  const workerData: WatchdogData = { turns, limitMs };
  const thread = startOwnThread(new URL("./loop-watchdog-thread.ts", import.meta.url), {
    workerData,
  });
  // It never keeps the process: it waits for it.
  thread.unref();
  let timer: Timer | undefined;
  const turn = (): void => {
    Atomics.add(turns, 0, 1);
    Atomics.notify(turns, 0);
    timer = clock.after(limitMs / PARTS, turn);
  };
  turn();
  return {
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]();
      void thread.terminate();
    },
  };
}
