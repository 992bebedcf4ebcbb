/** `holdfast-sign release root`, `targets`: metadata that people sign. @module */
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { Metadata, Root, TargetFile, Targets } from "@tufjs/models";
import { beside } from "#documents/cli/description.ts";
import { readPublicKey } from "#documents/cli/keys.ts";
import type { Say } from "#documents/cli/output.ts";
import { SignError, signError } from "#documents/cli/sign-error.ts";
import { formatTime } from "#documents/time.ts";
import { ROLES } from "../inspect.ts";
import { PACKAGE_MAX_BYTES } from "../limits.ts";
import { PLATFORMS, type Platform } from "../platforms.ts";
import { chunksOfFile } from "../take.ts";
import { type Custom, customSchema } from "../target.ts";
import { loadReleaseDescription, loadRootDescription } from "./description.ts";
import { createDraft, type SigningOptions, signMetadata, tufKey } from "./draft.ts";
import { Repository, readAs } from "./repository.ts";

export const SPEC_VERSION = "1.0.31";
export const DAY_MS = 86_400_000;

type Role = Root["roles"][string];

export interface RepoOptions extends SigningOptions {
  readonly repo: string;
}

/** A first root, or the one that follows: then keys of both sign it. */
export async function makeRoot(
  say: Say,
  description: string,
  options: RepoOptions,
  nowMs: number,
): Promise<void> {
  const { roles, expiresDays } = loadRootDescription(description);
  const repo = new Repository(options.repo);
  repo.open();
  const version = repo.newest("root") + 1;
  const keys = new Map(
    ROLES.flatMap((name) =>
      roles[name].keys.map((key) => tufKey(readPublicKey(beside(description, key)))),
    ).map((key) => [key.keyID, key]),
  );
  const idsOf = (names: readonly string[]): string[] =>
    names.map((key) => tufKey(readPublicKey(beside(description, key))).keyID);
  const signed = Root.fromJSON({
    ...{ _type: "root", spec_version: SPEC_VERSION, version, consistent_snapshot: true },
    expires: formatTime(nowMs + expiresDays * DAY_MS),
    keys: Object.fromEntries([...keys].map(([id, key]) => [id, key.toJSON()])),
    roles: Object.fromEntries(
      ROLES.map((name) => {
        const { threshold } = roles[name];
        return [name, { keyids: idsOf(roles[name].keys), threshold }];
      }),
    ),
  });
  const metadata = new Metadata(signed);
  await signMetadata(metadata, options);
  createDraft(say, repo.draftOf("root", version), metadata);
  say(`must sign: ${roles.root.threshold} of its ${roles.root.keys.length} root keys`);
  if (version === 1) return;
  const { threshold, keyIDs } = needed(repo.newestRoot().signed.roles["root"]);
  say(`           and ${threshold} of the ${keyIDs.length} root keys of root ${version - 1}`);
}

/** What a release consists of, by length and hash. */
export async function makeTargets(
  say: Say,
  description: string,
  options: RepoOptions,
  nowMs: number,
): Promise<void> {
  const release = loadReleaseDescription(description);
  const repo = new Repository(options.repo);
  const { threshold, keyIDs } = needed(repo.comingRoot().signed.roles["targets"]);
  const version = repo.newest("targets") + 1;
  if (version > 1)
    followOn(readAs<Targets>(repo.pathOf("targets", version - 1), "targets"), release);
  const signed = new Targets({
    ...{ specVersion: SPEC_VERSION, version },
    expires: formatTime(nowMs + release.expiresDays * DAY_MS),
  });
  for (const [name, files] of Object.entries(release.packages)) {
    const platform = name as Platform;
    const [content, sbom] = [
      await measured(resolve(dirname(description), files.file)),
      await measured(resolve(dirname(description), files.sbom)),
    ];
    const { version: released, releaseCounter, minFrom } = release;
    const custom: Custom = {
      ...{ version: released, platform, releaseCounter, minFrom, sbomSha256: sbom.sha256 },
    };
    const target = new TargetFile({
      ...{ path: PLATFORMS[platform].path, length: content.length },
      hashes: { sha256: content.sha256 },
      unrecognizedFields: { custom: customSchema.parse(custom) },
    });
    signed.addTarget(target);
    say(`${platform.padEnd(16)} ${content.sha256}  ${files.file}`);
  }
  const metadata = new Metadata(signed);
  await signMetadata(metadata, options);
  createDraft(say, repo.draftOf("targets", version), metadata);
  say(`must sign: ${threshold} of the ${keyIDs.length} targets keys`);
}

/** A counter that was used, or goes down, is refused by every agent (W4): nobody should sign it. */
function followOn(before: Metadata<Targets>, { releaseCounter }: { releaseCounter: number }): void {
  const counters = Object.values(before.signed.targets).map(
    ({ custom }) => customSchema.safeParse(custom).data?.releaseCounter ?? 0,
  );
  const last = Math.max(0, ...counters);
  if (releaseCounter > last) return;
  throw new SignError("DOCUMENT_UNFIT", `releaseCounter must be above ${last}`);
}

async function measured(file: string): Promise<{ length: number; sha256: string }> {
  const hash = createHash("sha256");
  let length = 0;
  try {
    for await (const chunk of chunksOfFile(file)) {
      hash.update(chunk);
      length += chunk.length;
    }
  } catch (cause) {
    throw signError("FILE_UNREADABLE", file, cause);
  }
  if (length > 0 && length <= PACKAGE_MAX_BYTES) return { length, sha256: hash.digest("hex") };
  throw new SignError("FILE_UNREADABLE", `${file} has ${length} bytes`);
}

function needed(role: Role | undefined): Role {
  if (role !== undefined) return role;
  throw new SignError("FILE_UNREADABLE", "the root has no such role");
}
