/** A folder's methods in this thread, instead of in a worker. @module */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import type { PickupMethod, PickupMethods } from "#agent/folders/messages.ts";
import { pickupMethods } from "#agent/folders/pickup.ts";
import type { Clock } from "#agent/host/clock.ts";
import type { PickupHand } from "#agent/ingest/file-drop/parts.ts";

let isRefused = false;
const { linkSync } = fs;
fs.linkSync = (from, to) => {
  if (isRefused) throw Object.assign(new Error("link"), { code: "EPERM" });
  linkSync(from, to);
};
// A watcher would live on when its folder's worker is let go of.
fs.watch = () => {
  throw Object.assign(new Error("watch"), { code: "ENOSYS" });
};
syncBuiltinESMExports();

/** While `act` runs there are no hard links, as on FAT. */
function unlinked<T>(act: () => T): T {
  isRefused = true;
  try {
    return act();
  } finally {
    isRefused = false;
  }
}

/** @param canLink false: the file system has no hard links @param heard told of each call before it is made */
export function inlineHand(
  clock: Clock,
  canLink: boolean,
  heard: (method: PickupMethod) => void = () => {},
): PickupHand {
  const methods = pickupMethods({ clock, voice: { touched: () => {}, hint: () => {} } });
  return {
    call: async <M extends PickupMethod>(method: M, ask: PickupMethods[M]["ask"]) => {
      heard(method);
      // `PickupMethods` holds both types.
      const act = methods[method] as (ask: PickupMethods[M]["ask"]) => PickupMethods[M]["answer"];
      return canLink ? act(ask) : unlinked(() => act(ask));
    },
    onHint: () => ({ [Symbol.dispose]: () => {} }),
    abort: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
