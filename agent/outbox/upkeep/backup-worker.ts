/**
 * A thread that lives for one backup: writes the key files, then reads the copy through, at low priority
 * and away from the thread that commits (05 S19).
 *
 * @module
 */
import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { flushFolder } from "../../host/atomic-file.ts";
import { systemClock } from "../../host/clock.ts";
import { lowerThreadPriority } from "../../host/thread-priority.ts";
import type { Kek } from "../../sealing/key-ring.ts";
import { type PlainFault, toPlain } from "../format/fault.ts";
import { type CheckedCopy, checkCopy, settleCopy } from "./backup-check.ts";
import { backupFault } from "./backup-fault.ts";
import {
  filesOf,
  type Manifest,
  type ManifestFile,
  writeKeyFiles,
  writeManifest,
} from "./backup-manifest.ts";
import type { KeyFile } from "./copy-store.ts";

export interface BackupWorkerOptions {
  readonly folder: string;
  readonly keys: readonly KeyFile[];
  readonly kek: Kek;
}

export type BackupReport =
  /** Bytes of bodies that were read. */
  | { readonly report: "progress"; readonly bytes: number }
  /** The thread waits for its manifest now; without one it is no backup. */
  | {
      readonly report: "checked";
      readonly copy: CheckedCopy;
      readonly files: readonly ManifestFile[];
    }
  | { readonly report: "written" }
  | { readonly report: "failed"; readonly fault: PlainFault };

const port = parentPort;
if (port === null) throw new TypeError("Cannot check a backup outside a worker thread");
const say = (report: BackupReport): void => port.postMessage(report);
const { folder, keys, kek } = workerData as BackupWorkerOptions;

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    say({ report: "failed", fault: toPlain(backupFault(error)) });
  }
}

lowerThreadPriority();
port.once("message", (manifest: Manifest) =>
  attempt(() => {
    flushFolder(folder);
    flushFolder(dirname(folder));
    writeManifest(folder, manifest);
    say({ report: "written" });
  }),
);
attempt(() => {
  writeKeyFiles(folder, keys);
  settleCopy(folder);
  const copy = checkCopy(folder, kek, systemClock, (bytes) => say({ report: "progress", bytes }));
  say({ report: "checked", copy, files: filesOf(folder) });
});
