/**
 * Dropped files as the store knows them (04): main-thread face of its part of the store.
 *
 * @module
 */
import type {
  Claimed,
  ClaimRow,
  DroppedFile,
  FileClaims,
  NewClaim,
  OpenClaim,
} from "../../ingest/file-drop/claims.ts";
import type {
  AsideFile,
  FileChange,
  FileWriter,
  MovedFile,
  PlannedFile,
  SettledFile,
} from "./file-messages.ts";

export interface FilesOptions {
  readonly writer: FileWriter;
  readonly nowMs: () => number;
  /** The number of a channel; `undefined`: the store has none of that name. */
  readonly channelNamed: (name: string) => number | undefined;
}

export class Files {
  readonly #options: FilesOptions;

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  /** The files of a channel. @throws {RangeError} if the store was opened without it */
  of(name: string): FileClaims {
    const channel = this.#options.channelNamed(name);
    if (channel === undefined) throw new RangeError("Cannot keep files of an unknown channel");
    return new FilesOfChannel(channel, this.#options);
  }
}

class FilesOfChannel implements FileClaims {
  readonly #channel: number;
  readonly #writer: FileWriter;
  readonly #nowMs: () => number;

  constructor(channel: number, { writer, nowMs }: FilesOptions) {
    this.#channel = channel;
    this.#writer = writer;
    this.#nowMs = nowMs;
  }

  claim(claims: readonly NewClaim[]): Promise<Claimed[]> {
    const ask = { ...this.#ask, claims: claims.map(copyOf), atMs: this.#nowMs() };
    return this.#writer.ask("fileClaim", ask);
  }

  withdraw(ids: readonly number[]): Promise<void> {
    return this.#change({ ...this.#now, change: "withdraw", ids });
  }

  attempt(id: number): Promise<number> {
    return this.#writer.ask("fileAttempt", { ...this.#ask, id });
  }

  known(contentKeys: readonly Uint8Array[], sinceMs: number): Promise<boolean[]> {
    const keys = contentKeys.map(exact);
    return this.#writer.ask("fileKnown", { ...this.#ask, contentKeys: keys, sinceMs });
  }

  settle(files: readonly SettledFile[]): Promise<void> {
    const copied = files.map(({ id, sha256, contentKey, verdict }) => ({
      ...{ id, sha256: exact(sha256), contentKey: exact(contentKey), verdict },
    }));
    return this.#change({ ...this.#now, change: "settle", files: copied });
  }

  setAside(files: readonly AsideFile[]): Promise<void> {
    const copied = files.map(({ id, reason, sha256 }) => ({
      ...{ id, reason, sha256: sha256 === undefined ? undefined : exact(sha256) },
    }));
    return this.#change({ ...this.#now, change: "setAside", files: copied });
  }

  plan(files: readonly PlannedFile[]): Promise<void> {
    const copied = files.map(({ id, targets }) => ({ id, targets: targets.map(exact) }));
    return this.#change({ ...this.#now, change: "plan", files: copied });
  }

  moved(files: readonly MovedFile[]): Promise<void> {
    const copied = files.map(({ id, targets, left }) => ({
      ...{ id, targets: targets.map(exact), left },
    }));
    return this.#change({ ...this.#now, change: "moved", files: copied });
  }

  forget(ids: readonly number[]): Promise<void> {
    return this.#change({ ...this.#now, change: "forget", ids });
  }

  open(): Promise<OpenClaim[]> {
    return this.#writer.ask("fileOpen", this.#ask);
  }

  movedSince(sinceMs: number): Promise<ClaimRow[]> {
    return this.#writer.ask("fileMovedSince", { ...this.#ask, sinceMs });
  }

  left(): Promise<ClaimRow[]> {
    return this.#writer.ask("fileLeft", this.#ask);
  }

  keptTargets(beforeMs: number): Promise<Uint8Array[]> {
    return this.#writer.ask("fileKept", { ...this.#ask, beforeMs });
  }

  list(beforeId: number, count: number): Promise<ClaimRow[]> {
    return this.#writer.ask("fileList", { ...this.#ask, beforeId, count });
  }

  get #ask(): { readonly channel: number } {
    return { channel: this.#channel };
  }

  get #now(): { readonly channel: number; readonly atMs: number } {
    return { channel: this.#channel, atMs: this.#nowMs() };
  }

  async #change(change: FileChange): Promise<void> {
    await this.#writer.ask("fileChange", change);
  }
}

/** Without what lies beside them in memory: that would be copied along. */
const exact = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

function copyOf({ claim, files, unfit }: NewClaim): NewClaim {
  if (!/^[0-9a-f]{16}$/.test(claim)) throw new RangeError("Cannot claim under another name");
  if (files.length === 0) throw new RangeError("Cannot claim without a file");
  return { claim, files: files.map(fileOf), unfit };
}

const fileOf = ({ part, name, size, modifiedNs, inode }: DroppedFile): DroppedFile => ({
  ...{ part, name: exact(name), size, modifiedNs, inode },
});
