/** What an approval may name, and what is installed of it (07 section 3, W11 to W13; B17 to B22): with real packages. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readApproval, type UpdateApproval, writeApproval } from "#agent/updater/approval.ts";
import { candidateFor } from "#agent/updater/candidate.ts";
import { handOver } from "#agent/updater/enabling.ts";
import { JournalFile } from "#agent/updater/journal.ts";
import { placesIn, type UpdaterPlaces } from "#agent/updater/places.ts";
import { stage } from "#agent/updater/staging.ts";
import { marksAfterInstall, NO_MARKS } from "#releases/marks.ts";
import { PackageYard } from "#test/support/package-yard.ts";
import { MemoryMarks, NOW_MS, sha256 } from "#test/support/release-yard.ts";

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const skip = ["gpg", "gpgv", "dpkg-deb"].every(has)
  ? false
  : "gpg, gpgv or dpkg-deb missing: updates were not attacked";
const NAME = "holdfast_1.1.0_amd64.deb";

/** A package of release 2, version 1.1.0, on a machine on which release 1 runs. */
class Site implements Disposable {
  readonly yard = new PackageYard();
  readonly marks = new MemoryMarks();
  readonly places: UpdaterPlaces;
  readonly package: string;

  private constructor() {
    const folder = this.yard.path("updater");
    mkdirSync(folder, { mode: 0o755 });
    this.places = placesIn(folder);
    this.marks.marks = marksAfterInstall(NO_MARKS, 1);
    this.package = this.yard.deb(NAME);
  }

  static async open(): Promise<Site> {
    const site = new Site();
    await site.yard.sign(site.package, "publisher");
    site.publish();
    return site;
  }

  publish(custom: Record<string, unknown> = {}): void {
    this.yard.publish(this.package, { custom: { releaseCounter: 2, version: "1.1.0", ...custom } });
  }

  get options() {
    const { places, marks, yard } = this;
    return { places, marks, trust: yard.trust, platform: "linux-x64-deb" } as const;
  }

  get staged(): string {
    return join(this.places.staged, NAME);
  }

  async stage() {
    const { yard, options } = this;
    const more = { running: "1.0.0", nowMs: NOW_MS };
    return await stage(this.package, yard.path("metadata"), { ...options, ...more });
  }

  /** @returns what may be installed, by its version; or why not */
  async judged(change: Partial<UpdateApproval> = {}): Promise<string> {
    const digest = sha256(readFileSync(this.package));
    const approval = {
      id: "0".repeat(32),
      name: NAME,
      digest,
      back: false,
      by: "erika",
      floorMs: 0,
    };
    const current = {
      digest: "1".repeat(64),
      kind: "deb",
      version: "1.0.0",
      releaseCounter: 1,
      minFrom: "0.1.0",
    } as const;
    const journal = { step: "idle", current, used: [], told: true } as const;
    const found = await candidateFor(
      { ...approval, ...change },
      { ...journal, used: [] },
      {
        ...{ ...this.options, nowMs: () => NOW_MS },
      },
    );
    return "refused" in found ? found.refused : found.version;
  }

  get kept(): string[] {
    return existsSync(this.places.packages) ? readdirSync(this.places.packages) : [];
  }

  [Symbol.dispose](): void {
    this.yard[Symbol.dispose]();
  }
}

test("[B18, W13] what is installed is the copy that was verified, under its digest", {
  skip,
}, async () => {
  using site = await Site.open();
  assert.equal((await site.stage()).offer?.version, "1.1.0");
  assert.equal(await site.judged(), "1.1.0");
  const digest = sha256(readFileSync(site.package));
  assert.deepEqual(site.kept, [digest]);
  writeFileSync(site.staged, "evil");
  assert.equal(sha256(readFileSync(join(site.places.packages, digest))), digest);
  // Changed after it was staged, after it was approved: refused, and not kept.
  assert.equal(await site.judged(), "CONTENT");
});

test("[B21, W13] a staged name that leads elsewhere; a link; another package than was approved", {
  skip,
}, async () => {
  using site = await Site.open();
  await site.stage();
  for (const name of ["../packages/x.deb", "/etc/passwd", "..", `a/${NAME}`, ".hidden.deb"]) {
    assert.equal(await site.judged({ name }), "STAGING", name);
  }
  symlinkSync(site.package, join(site.places.staged, "link.deb"));
  assert.equal(await site.judged({ name: "link.deb" }), "UNREADABLE.ELOOP");
  assert.equal(await site.judged({ digest: "0".repeat(64) }), "NOT_APPROVED");
  assert.equal(await site.judged({ name: undefined }), "NOT_STAGED");
});

test("[B17, B22, W12] unsigned, by another publisher, with other parts, for another machine", {
  skip,
}, async () => {
  using site = await Site.open();
  await site.stage();
  const again = (file: string, custom: Record<string, unknown> = {}): void => {
    copyFileSync(file, site.package);
    site.publish(custom);
    copyFileSync(site.package, site.staged);
    for (const name of readdirSync(site.yard.path("metadata"))) {
      copyFileSync(
        join(site.yard.path("metadata"), name),
        join(site.places.staged, "metadata", name),
      );
    }
  };
  again(site.yard.deb("unsigned.deb"));
  assert.equal(await site.judged(), "SIGNATURE");
  const foreign = site.yard.deb("foreign.deb");
  await site.yard.sign(foreign, "foreign");
  again(foreign);
  assert.equal(await site.judged(), "SIGNATURE");
  const own = site.yard.deb("own.deb");
  await site.yard.sign(own, "publisher");
  again(own, { sbomSha256: "0".repeat(64) });
  assert.equal(await site.judged(), "SBOM");
  again(own, { version: "1.0.0" });
  assert.equal(await site.judged(), "SAME_VERSION");
});

test("[B19, W11] a downgrade without permission; with it, the release before, and once", {
  skip,
}, async () => {
  using site = await Site.open();
  site.marks.marks = marksAfterInstall(marksAfterInstall(NO_MARKS, 2), 3);
  const { offer } = await site.stage();
  assert.equal(offer?.back, true, "the person is told");
  assert.equal(await site.judged(), "GOING_BACK");
  assert.equal(await site.judged({ back: true }), "1.1.0");
  site.marks.marks = marksAfterInstall(site.marks.marks, 2);
  assert.equal(await site.judged({ back: true }), "GOING_BACK");
  assert.equal((await site.stage()).offer, undefined, "not even offered");
  assert.ok(!existsSync(site.staged));
});

test("[W9] the agent's own time counts: a clock that was put back installs nothing", {
  skip,
}, async () => {
  using site = await Site.open();
  await site.stage();
  assert.equal(await site.judged({ floorMs: NOW_MS + 3_600_000 }), "CLOCK_SUSPECT");
});

test("the package of what runs is handed over once it is verified; of another one nothing is remembered", {
  skip,
}, async () => {
  using site = await Site.open();
  const enable = (running: string) =>
    handOver(site.package, site.yard.path("metadata"), {
      ...site.options,
      running,
      nowMs: () => NOW_MS,
    });
  const before = site.marks.marks;
  await assert.rejects(enable("1.0.0"), { code: "UPDATE_NOT_CURRENT" });
  assert.deepEqual(site.marks.marks, before);
  const kept = await enable("1.1.0");
  assert.equal(site.marks.marks.releaseCounter, 2);
  assert.equal(new JournalFile(site.places.journal).read()?.current.digest, kept.digest);
  const unsigned = site.yard.deb(NAME);
  site.publish();
  assert.ok(existsSync(unsigned));
  await assert.rejects(enable("1.1.0"), { code: "UPDATE_REFUSED", facts: { reason: "SIGNATURE" } });
});

test("[W13] what the agent's account leaves in the place of an approval is no approval", () => {
  using yard = new PackageYard();
  const folder = yard.path("state");
  const approval = {
    id: "0".repeat(32),
    digest: "0".repeat(64),
    back: false,
    by: "erika",
    floorMs: 0,
  };
  writeApproval(folder, approval);
  assert.deepEqual(readApproval(folder), approval);
  const file = join(folder, "updates/approved.json");
  for (const text of [
    "",
    "{}",
    "[]",
    "x".repeat(10_000),
    JSON.stringify({ ...approval, digest: "../x" }),
  ]) {
    writeFileSync(file, text);
    assert.equal(readApproval(folder), undefined);
  }
  yard.run("rm", file);
  symlinkSync("/etc/passwd", file);
  assert.equal(readApproval(folder), undefined);
  yard.run("rm", file);
  yard.run("mkfifo", file);
  assert.equal(readApproval(folder), undefined);
});
