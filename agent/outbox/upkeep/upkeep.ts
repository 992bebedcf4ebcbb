/**
 * How a person looks after the store while it runs: backup, replay, new keys. Main-thread face.
 *
 * @module
 */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { startOwnThread } from "#packaged/own-thread.ts";
import { AgentError } from "../../errors.ts";
import type { Kek } from "../../sealing/key-ring.ts";
import { fromPlain } from "../format/fault.ts";
import type { WriterClient } from "../writing/writer-client.ts";
import type { CheckedCopy } from "./backup-check.ts";
import { backupFault } from "./backup-fault.ts";
import { DATABASE_FILE, FORMAT, type Manifest, type ManifestFile } from "./backup-manifest.ts";
import type { BackupReport, BackupWorkerOptions } from "./backup-worker.ts";
import type { ReplayRequest, ReplayResult } from "./replay-selection.ts";
import type { NewKek } from "./upkeep-questions.ts";

export interface BackupRequest {
  /** Absolute; must not exist. */
  readonly folder: string;
  /** What the keys of the store are wrapped with now. */
  readonly kek: Kek;
  /** Of this program. */
  readonly version: string;
  readonly madeAt: () => string;
}

/** How far a backup is. */
export interface BackupProgress {
  readonly phase: "copying" | "checking";
  readonly bytes: number;
}

export class Upkeep implements AsyncDisposable {
  readonly #writer: WriterClient;
  #progress: (() => BackupProgress) | undefined;

  #worker: Worker | undefined;
  #isRekeying = false;
  #isClosed = false;

  constructor(writer: WriterClient) {
    this.#writer = writer;
  }

  /** `undefined` where no backup is being made. */
  get progress(): BackupProgress | undefined {
    return this.#progress?.();
  }

  /**
   * Copies the store while it runs, reads the copy through, and calls it good then (05 S19).
   *
   * @returns what was copied. On any error nothing of the folder stays
   * @throws {AgentError} `BACKUP_RUNNING`, `REKEY_RUNNING`, `BACKUP_FOLDER_TAKEN`, `BACKUP_FAILED`, `BACKUP_DAMAGED`
   */
  async backup(request: BackupRequest): Promise<Manifest> {
    const { folder } = request;
    if (this.#progress !== undefined) throw new AgentError("BACKUP_RUNNING", {});
    if (this.#isRekeying) throw new AgentError("REKEY_RUNNING", {});
    makeNewFolder(folder);
    try {
      return await this.#copyInto(request);
    } catch (error) {
      // It was made above, and is no backup.
      await rm(folder, { recursive: true, force: true });
      throw backupFault(error);
    } finally {
      this.#progress = undefined;
    }
  }

  /** A backup that is being read through ends: a stop does not wait for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  replay(request: ReplayRequest): Promise<ReplayResult> {
    return this.#writer.ask("replay", request);
  }

  /**
   * Has every key of the store wrapped by another key-encryption key (08 2.3); durable when this resolves.
   *
   * In steps, between which messages are stored.
   *
   * @throws {AgentError} `BACKUP_RUNNING`, `REKEY_RUNNING`, `KEK_*`, `KEY_FILE_DAMAGED`; everything opens as before
   */
  async rekey(next: NewKek): Promise<void> {
    // A backup has key files of one moment: all are wrapped by one key.
    if (this.#progress !== undefined) throw new AgentError("BACKUP_RUNNING", {});
    if (this.#isRekeying) throw new AgentError("REKEY_RUNNING", {});
    this.#isRekeying = true;
    try {
      const fault = await this.#writer.ask("rekey", next);
      if (fault !== undefined) throw fromPlain(fault);
    } finally {
      this.#isRekeying = false;
    }
  }

  async #copyInto({ folder, kek, version, madeAt }: BackupRequest): Promise<Manifest> {
    const file = join(folder, DATABASE_FILE);
    // Before SQLite does: with the rights that it shall have.
    closeSync(openSync(file, "wx", 0o600));
    this.#progress = () => ({ phase: "copying", bytes: sizeOf(file) });
    const keys = await this.#writer.ask("copy", { file });
    const made = madeAt();
    return await this.#check({ folder, keys, kek }, async ({ copy, files }) => {
      await this.#refuseNewDamage(copy);
      const { damaged: _, ...facts } = copy;
      return { format: FORMAT, version, madeAt: made, ...facts, files };
    });
  }

  /** @param manifestOf says what the copy is, once it is read through; throws if it is not good */
  async #check(
    workerData: BackupWorkerOptions,
    manifestOf: (checked: Checked) => Promise<Manifest>,
  ): Promise<Manifest> {
    let bytes = 0;
    this.#progress = () => ({ phase: "checking", bytes });
    await using worker = this.#startWorker(workerData);
    return await new Promise<Manifest>((resolve, reject) => {
      let manifest: Manifest | undefined;
      worker.thread.on("message", (report: BackupReport) => {
        if (report.report === "progress") bytes = report.bytes;
        else if (report.report === "failed") reject(fromPlain(report.fault));
        else if (report.report === "written" && manifest !== undefined) resolve(manifest);
        else if (report.report === "checked") {
          manifestOf(report).then((made) => {
            manifest = made;
            worker.thread.postMessage(made);
          }, reject);
        }
      });
      worker.thread.on("error", reject);
      worker.thread.on("exit", (code) => reject(new AgentError("BACKUP_FAILED", { code })));
    });
  }

  #startWorker(workerData: BackupWorkerOptions): { readonly thread: Worker } & AsyncDisposable {
    if (this.#isClosed) throw new AgentError("BACKUP_FAILED", { closing: true });
    const thread = startOwnThread(new URL("./backup-worker.ts", import.meta.url), { workerData });
    this.#worker = thread;
    return {
      thread,
      [Symbol.asyncDispose]: async () => {
        this.#worker = undefined;
        await thread.terminate();
      },
    };
  }

  /** What is damaged in the store itself, the copy may be, too: a backup is wanted then most of all. */
  async #refuseNewDamage({ damaged, counts }: CheckedCopy): Promise<void> {
    if (counts.damaged === 0) return;
    const isNew =
      counts.damaged > damaged.length || (await this.#writer.ask("isAnySound", damaged));
    if (isNew) throw new AgentError("BACKUP_DAMAGED", { count: counts.damaged });
  }
}

interface Checked {
  readonly copy: CheckedCopy;
  readonly files: readonly ManifestFile[];
}

function makeNewFolder(folder: string): void {
  if (existsSync(folder)) throw new AgentError("BACKUP_FOLDER_TAKEN", {});
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    throw backupFault(error);
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
