/** Opening what a stranger has put there (04 P21). Every file is opened here. @module */
import { type BigIntStats, closeSync, fstatSync } from "node:fs";
import { doing } from "./faults.ts";
import { fileStateOf, isPlainFile, isSameState } from "./file-state.ts";
import type { Folder } from "./folder.ts";
import type { FileState } from "./messages.ts";
import type { ByteName } from "./names.ts";

/** An open file that is what it was listed as. */
export class OpenFile implements Disposable {
  readonly descriptor: number;
  readonly folder: Folder;
  readonly name: ByteName;
  readonly status: BigIntStats;

  constructor(descriptor: number, folder: Folder, name: ByteName, status: BigIntStats) {
    this.descriptor = descriptor;
    this.folder = folder;
    this.name = name;
    this.status = status;
  }

  /** Size, time and identity, on the handle and under its name, are those of `state` (04 P23). */
  isStill(state: FileState): boolean {
    const onHandle = doing(this.folder.role, "read", () =>
      fstatSync(this.descriptor, { bigint: true }),
    );
    const byName = this.folder.look(this.name);
    return (
      byName !== undefined &&
      isSameState(fileStateOf(onHandle), state) &&
      isSameState(fileStateOf(byName), state)
    );
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }
}

export type OpenRefusal = "gone" | "refused" | "changed";

/**
 * Opens a file to read.
 *
 * @param state as it was listed or claimed; `undefined`: whatever it is now, for what lies in folders that are ours
 * @returns `refused`: not a regular file, or one of several names; `changed`: not the file it was
 * @throws {AgentError} `FOLDER_FAILED`
 */
export function openSafely(
  folder: Folder,
  name: ByteName,
  state: FileState | undefined,
  rejectHardLinks: boolean,
): OpenFile | OpenRefusal {
  // Opening a device can have effects: it is looked at before, and again afterwards.
  const before = folder.look(name);
  if (before === undefined) return "gone";
  if (!isPlainFile(before, rejectHardLinks)) return "refused";
  const descriptor = folder.openToRead(name);
  if (descriptor === "ENOENT") return "gone";
  if (typeof descriptor === "string") return "refused";
  let isGood = false;
  try {
    const status = doing(folder.role, "read", () => fstatSync(descriptor, { bigint: true }));
    if (!isPlainFile(status, rejectHardLinks)) return "refused";
    if (state !== undefined && !isSameState(fileStateOf(status), state)) return "changed";
    isGood = true;
    return new OpenFile(descriptor, folder, name, status);
  } finally {
    if (!isGood) closeSync(descriptor);
  }
}
