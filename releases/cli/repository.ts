/**
 * A repository of releases in a folder.
 *
 * ```
 * drafts/2.root.json  drafts/5.targets.json        going from hand to hand
 * metadata/1.root.json … 4.targets.json 4.snapshot.json timestamp.json     published, never changed
 * ```
 *
 * Only `timestamp.json` is ever replaced. Packages are carried by other means: metadata says their hashes.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Metadata, Root } from "@tufjs/models";
import { makeFolder } from "#agent/host/atomic-file.ts";
import { SignError } from "#documents/cli/sign-error.ts";
import type { RoleName } from "../inspect.ts";
import { type AnyMetadata, readDraft } from "./draft.ts";

const FOLDER_MODE = 0o755;

export class Repository {
  readonly metadata: string;
  readonly drafts: string;

  constructor(folder: string) {
    this.metadata = join(folder, "metadata");
    this.drafts = join(folder, "drafts");
  }

  /** Makes the folders. */
  open(): void {
    makeFolder(this.metadata, FOLDER_MODE);
    makeFolder(this.drafts, FOLDER_MODE);
  }

  /** @returns 0 if there is none */
  newest(role: Exclude<RoleName, "timestamp">, folder = this.metadata): number {
    const pattern = new RegExp(`^([1-9]\\d{0,8})\\.${role}\\.json$`);
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return Math.max(0, ...names.map((name) => Number(pattern.exec(name)?.[1] ?? 0)));
  }

  pathOf(role: Exclude<RoleName, "timestamp">, version: number): string {
    return join(this.metadata, `${version}.${role}.json`);
  }

  draftOf(role: "root" | "targets", version: number): string {
    return join(this.drafts, `${version}.${role}.json`);
  }

  get timestamp(): string {
    return join(this.metadata, "timestamp.json");
  }

  /** @throws {SignError} `FILE_UNREADABLE` */
  root(version: number): Metadata<Root> {
    return readAs<Root>(this.pathOf("root", version), "root");
  }

  /** The root that will be in force: the draft that waits, or else the one that is. */
  comingRoot(): Metadata<Root> {
    const draft = this.draftOf("root", this.newest("root") + 1);
    return existsSync(draft) ? readAs<Root>(draft, "root") : this.newestRoot();
  }

  /** The root in force. @throws {SignError} `FILE_UNREADABLE` */
  newestRoot(): Metadata<Root> {
    const version = this.newest("root");
    if (version > 0) return this.root(version);
    throw new SignError("FILE_UNREADABLE", `${this.metadata} has no root: publish one first`);
  }
}

/** @throws {SignError} `FILE_UNREADABLE` also for metadata of another role */
export function readAs<T extends AnyMetadata["signed"]>(file: string, role: RoleName): Metadata<T> {
  const draft = readDraft(file);
  if (draft.role === role) return draft.metadata as unknown as Metadata<T>;
  throw new SignError("FILE_UNREADABLE", `${file} is ${draft.role} metadata`);
}
