/**
 * `holdfast-sign release publish`: drafts that enough people have signed become a repository that agents believe.
 *
 * It is tried with the agents' own checks before a file is written, and the timestamp, which makes it the newest,
 * is written last.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, MetaFile, type Root, Snapshot, type Targets, Timestamp } from "@tufjs/models";
import { readBytes, replaceDocument, writeNew } from "#documents/cli/files.ts";
import type { Say } from "#documents/cli/output.ts";
import { SignError } from "#documents/cli/sign-error.ts";
import { formatTime } from "#documents/time.ts";
import { FolderSource } from "../folder-source.ts";
import { NO_MARKS } from "../marks.ts";
import { MetadataFolder } from "../metadata-folder.ts";
import { PLATFORMS } from "../platforms.ts";
import { type Refreshed, refreshReleases } from "../refresh.ts";
import { type AnyMetadata, encode, needSignatures, signMetadata } from "./draft.ts";
import { DAY_MS, type RepoOptions, SPEC_VERSION } from "./make.ts";
import { Repository, readAs } from "./repository.ts";

export interface PublishOptions extends RepoOptions {
  /** How long agents believe that this is the newest. */
  readonly days: number;
}

/** Publishes what is complete, and renews snapshot and timestamp. */
export async function publish(say: Say, options: PublishOptions, nowMs: number): Promise<void> {
  const repo = new Repository(options.repo);
  repo.open();
  const files = new Map<string, string>();
  const root = nextRoot(repo, files);
  const targets = nextTargets(repo, root, files);
  const expires = formatTime(nowMs + options.days * DAY_MS);
  const version = repo.newest("snapshot") + 1;
  const common = { specVersion: SPEC_VERSION, version, expires };
  const snapshot = new Metadata(
    new Snapshot({ ...common, meta: { "targets.json": metaOf(targets) } }),
  );
  await signFor(root, "snapshot", snapshot, options);
  // Both are made anew each time, under one number.
  const timestamp = new Metadata(new Timestamp({ ...common, snapshotMeta: metaOf(snapshot) }));
  await signFor(root, "timestamp", timestamp, options);
  files.set(`${version}.snapshot.json`, encode(snapshot));
  files.set("timestamp.json", encode(timestamp));
  await tried(repo, files, nowMs);
  for (const [name, text] of files) {
    const path = join(repo.metadata, name);
    if (name === "timestamp.json" && existsSync(path)) {
      replaceDocument(path, new TextEncoder().encode(text));
    } else writeNew(path, text);
    rmSync(join(repo.drafts, name), { force: true });
    say(`published ${path}`);
  }
}

/** Says what an agent would believe, starting from the first root. */
export async function verifyRepository(
  say: Say,
  { repo, json }: { readonly repo: string; readonly json?: boolean },
  nowMs: number,
): Promise<void> {
  const { metadata } = new Repository(repo);
  const believed = await believe(metadata, nowMs);
  const packages: Record<string, unknown> = {};
  for (const platform of Object.keys(PLATFORMS)) {
    const target = await believed.target(platform);
    if (target.kind === "target") packages[platform] = target;
  }
  if (json === true) {
    say(JSON.stringify({ versions: believed.versions, packages }));
    return;
  }
  for (const [role, version] of Object.entries(believed.versions)) {
    say(`${role.padEnd(16)} ${version}`);
  }
  for (const [platform, target] of Object.entries(packages)) {
    const { custom, sha256 } = target as { custom: { version: string }; sha256: string };
    say(`${platform.padEnd(16)} ${custom.version}  ${sha256}`);
  }
}

/** Signs with those of the keys at hand that the role has. @throws {SignError} `SIGNATURES_MISSING` */
async function signFor(
  root: Metadata<Root>,
  role: "snapshot" | "timestamp",
  metadata: AnyMetadata,
  options: RepoOptions,
): Promise<void> {
  await signMetadata(metadata, options);
  const keyIds = root.signed.roles[role]?.keyIDs ?? [];
  const theirs = Object.entries(metadata.signatures).filter(([id]) => keyIds.includes(id));
  metadata.signatures = Object.fromEntries(theirs);
  needSignatures(root, role, metadata);
}

/** A root that waits, if there is one; else the one in force. */
function nextRoot(repo: Repository, files: Map<string, string>): Metadata<Root> {
  const version = repo.newest("root");
  const draft = repo.draftOf("root", version + 1);
  if (!existsSync(draft)) return repo.newestRoot();
  const next = readAs<Root>(draft, "root");
  needSignatures(next, "root", next);
  if (version > 0) needSignatures(repo.root(version), "root", next);
  files.set(`${version + 1}.root.json`, encode(next));
  return next;
}

function nextTargets(
  repo: Repository,
  root: Metadata<Root>,
  files: Map<string, string>,
): Metadata<Targets> {
  const version = repo.newest("targets");
  const draft = repo.draftOf("targets", version + 1);
  const isNew = existsSync(draft);
  if (!isNew && version === 0) {
    throw new SignError("FILE_UNREADABLE", `${draft} is missing: describe a release first`);
  }
  const targets = readAs<Targets>(isNew ? draft : repo.pathOf("targets", version), "targets");
  // After a rotation of its keys, the targets in force may need to be signed again, as a next version.
  needSignatures(root, "targets", targets);
  if (isNew) files.set(`${version + 1}.targets.json`, encode(targets));
  return targets;
}

function metaOf(metadata: AnyMetadata): MetaFile {
  const bytes = Buffer.from(encode(metadata));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return new MetaFile({
    version: metadata.signed.version,
    length: bytes.length,
    hashes: { sha256 },
  });
}

/** Tries the repository as it will be. @throws {SignError} `DOCUMENT_REFUSED` */
async function tried(
  repo: Repository,
  files: ReadonlyMap<string, string>,
  nowMs: number,
): Promise<void> {
  const trial = mkdtempSync(join(tmpdir(), "holdfast-release-"));
  try {
    for (const name of readdirSync(repo.metadata)) {
      copyFileSync(join(repo.metadata, name), join(trial, name));
    }
    for (const [name, text] of files) {
      rmSync(join(trial, name), { force: true });
      writeNew(join(trial, name), text);
    }
    await believe(trial, nowMs);
  } finally {
    rmSync(trial, { recursive: true });
  }
}

async function believe(metadata: string, nowMs: number): Promise<Refreshed> {
  const cache = mkdtempSync(join(tmpdir(), "holdfast-release-"));
  try {
    const answer = await refreshReleases({
      root: readBytes(join(metadata, "1.root.json")),
      source: new FolderSource(metadata),
      folder: new MetadataFolder(cache),
      marks: { read: async () => NO_MARKS, write: async () => {} },
      time: { clockMs: nowMs, floorMs: 0 },
    });
    if (answer.kind === "refreshed") return answer;
    const { code, step, detail = "" } = answer;
    throw new SignError("DOCUMENT_REFUSED", `${code} at ${step} ${detail}`.trimEnd());
  } finally {
    rmSync(cache, { recursive: true });
  }
}
