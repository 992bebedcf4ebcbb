/**
 * Whether a package that somebody carried here is what the vendor released (07 section 3): offline, with the
 * metadata that came beside it.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TimeBase } from "#documents/time.ts";
import { FolderSource } from "./folder-source.ts";
import { type MarksStore, NO_MARKS, type ReleaseMarks } from "./marks.ts";
import { MetadataFolder } from "./metadata-folder.ts";
import { PLATFORMS, platformsOfFile, programOf } from "./platforms.ts";
import { type Refreshed, refreshReleases } from "./refresh.ts";
import { type Refused, refused } from "./refusal.ts";
import type { ReleaseTrust } from "./root.ts";
import { readSbom, type SbomVerdict } from "./sbom.ts";
import { judgeSignature } from "./signature/judge.ts";
import { chunksOfFile, type Taken, takeChunks, whatContentForbids } from "./take.ts";
import { type ReleaseTarget, type Standing, whatOrderForbids } from "./target.ts";

export interface PackageCheck {
  readonly name: "metadata" | "content" | "order" | "sbom" | "signature";
  readonly verdict: "ok" | "refused" | "unchecked";
  /** For people; of metadata that was not believed it quotes nothing. */
  readonly said: string;
  readonly refusal?: Refused;
  /** What to do by hand where it could not be checked here. */
  readonly command?: string;
}

export interface PackageReport {
  readonly verdict: "ok" | "refused" | "unchecked";
  readonly checks: readonly PackageCheck[];
  /** What the package is, once metadata and content are verified. */
  readonly target?: ReleaseTarget;
}

export interface PackageOptions {
  readonly file: string;
  /** Folder of the metadata. */
  readonly metadata: string;
  readonly trust: ReleaseTrust;
  readonly marks: MarksStore | undefined;
  readonly time: TimeBase;
  /** The version that would be replaced. */
  readonly running: string;
  /** Absent: it is looked at, and going back is not allowed. */
  readonly standing?: Pick<Standing, "purpose" | "mayGoBack">;
  /** Where the copy is made that is judged; absent: where temporary files are. */
  readonly workFolder?: string;
}

/** W13: is given the copy that was judged, while its handle is open. */
export type Keep = (copy: Taken, target: ReleaseTarget) => Promise<void>;

/**
 * @param keep called if all is verified, and for nothing less
 * @throws what the file system says of the package, the marks, or the folder for temporary files
 */
export async function verifyPackage(options: PackageOptions, keep?: Keep): Promise<PackageReport> {
  const work = await mkdtemp(join(options.workFolder ?? tmpdir(), "holdfast-verify-"));
  try {
    const checks: PackageCheck[] = [];
    const target = await judge(options, work, checks, keep);
    const verdicts = checks.map(({ verdict }) => verdict);
    const verdict =
      (["refused", "unchecked"] as const).find((one) => verdicts.includes(one)) ?? "ok";
    return target === undefined ? { verdict, checks } : { verdict, checks, target };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function judge(
  options: PackageOptions,
  work: string,
  checks: PackageCheck[],
  keep: Keep | undefined,
): Promise<ReleaseTarget | undefined> {
  const marks = options.marks ?? forgetful();
  const believed = await refreshReleases({
    ...{ root: options.trust.root, source: new FolderSource(options.metadata), marks },
    ...{ folder: new MetadataFolder(join(work, "metadata")), time: options.time },
  });
  if (believed.kind === "refused") {
    checks.push(no("metadata", believed));
    return undefined;
  }
  checks.push(yes("metadata", sayVersions(believed)));
  const { targets, refusal } = await targetsFor(options.file, believed);
  if (targets.length === 0) {
    checks.push(no("content", refusal));
    return undefined;
  }
  const maxBytes = Math.max(0, ...targets.map(({ length }) => length));
  // W13 All that follows looks at this copy; programs are shown nothing that the metadata does not mean.
  const taken = await takeChunks(chunksOfFile(options.file), { folder: work, maxBytes });
  if (taken.kind === "refused") {
    const isLong = taken.code === "TOO_LARGE";
    checks.push(no("content", isLong ? refused("CONTENT", "W12", "length") : taken));
    return undefined;
  }
  await using copy = taken;
  const target = targets.find((one) => whatContentForbids(copy, one) === undefined);
  if (target === undefined) {
    checks.push(no("content", refused("CONTENT", "W13", copy.sha256)));
    return undefined;
  }
  checks.push(yes("content", `${target.platform}, ${copy.length} bytes, SHA-256 ${copy.sha256}`));
  await judgeContent(options, { work, copy, target, marks: await marks.read() }, checks);
  if (checks.every(({ verdict }) => verdict === "ok")) await keep?.(copy, target);
  return target;
}

async function judgeContent(
  options: PackageOptions,
  found: {
    readonly work: string;
    readonly copy: Taken;
    readonly target: ReleaseTarget;
    readonly marks: ReleaseMarks;
  },
  checks: PackageCheck[],
): Promise<void> {
  const { target, copy, work, marks } = found;
  const { custom, platform } = target;
  const { running, standing = { purpose: "look", mayGoBack: false } } = options;
  const disorder = whatOrderForbids(custom, { marks, running, ...standing });
  const order = `release ${custom.releaseCounter}, version ${custom.version}, may follow ${running}`;
  checks.push(disorder === undefined ? yes("order", order) : no("order", disorder));
  const { kind } = PLATFORMS[platform];
  const sbom = await readSbom(
    { kind, path: copy.path, given: options.file },
    { program: programOf(platform), version: custom.version },
  );
  checks.push(judgeSbom(sbom, custom.sbomSha256));
  const judged = { path: copy.path, workFolder: work };
  const signature = await judgeSignature(kind, judged, options.trust.publisher);
  if (signature.kind === "verified") checks.push(yes("signature", signature.publisher));
  else if (signature.kind === "unchecked") checks.push(open("signature", signature));
  // W12
  else checks.push({ ...no("signature", refused("SIGNATURE", "W12")), said: signature.why });
}

function judgeSbom(sbom: SbomVerdict, expected: string): PackageCheck {
  if (sbom.kind === "unchecked") {
    return open("sbom", { ...sbom, command: `${sbom.command}   (must be ${expected})` });
  }
  // W11
  const isSame = sbom.kind === "read" && sbom.sha256 === expected;
  return isSame
    ? yes("sbom", `SHA-256 ${expected}`)
    : no("sbom", refused("SBOM", "W11", sbom.kind));
}

/** Every target that the file could be; what is wrong with the others does not concern it. */
async function targetsFor(
  file: string,
  believed: Refreshed,
): Promise<{ readonly targets: readonly ReleaseTarget[]; readonly refusal: Refused }> {
  const answers = await Promise.all(platformsOfFile(file).map((name) => believed.target(name)));
  const targets = answers.filter((answer) => answer.kind === "target");
  const refusals = answers.filter((answer) => answer.kind === "refused");
  // What is wrong with a target says more than that another one is not there.
  const telling = refusals.find(({ code }) => code !== "TARGET_UNKNOWN") ?? refusals[0];
  return { targets, refusal: telling ?? refused("TARGET_UNKNOWN", "W10", "file-name") };
}

function sayVersions({ versions }: Refreshed): string {
  return Object.entries(versions)
    .map(([role, version]) => `${role} ${version}`)
    .join(", ");
}

const yes = (name: PackageCheck["name"], said: string): PackageCheck => ({
  ...{ name, verdict: "ok", said },
});

function no(name: PackageCheck["name"], refusal: Refused): PackageCheck {
  const { code, step, detail } = refusal;
  const said = `${code} at ${step}${detail === undefined ? "" : `: ${detail}`}`;
  return { name, verdict: "refused", said, refusal };
}

function open(
  name: PackageCheck["name"],
  { why, command }: { readonly why: string; readonly command: string },
): PackageCheck {
  return { name, verdict: "unchecked", said: why, command };
}

/** Without a file of marks every package is the first. */
function forgetful(): MarksStore {
  let marks = NO_MARKS;
  return {
    read: async () => marks,
    write: async (raised) => {
      marks = raised;
    },
  };
}
