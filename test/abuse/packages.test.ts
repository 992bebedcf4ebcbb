/** Packages that are not what the vendor released, or whose signatures are others' (07 section 4, B12, B17, B22). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { verifyPackageFile } from "#agent/cli/verify-package.ts";
import { type PackageReport, verifyPackage } from "#releases/package.ts";
import { sbomPath } from "#releases/sbom.ts";
import { judgeDeb } from "#releases/signature/deb.ts";
import { addMember, PackageYard, SBOM } from "#test/support/package-yard.ts";
import { programFile } from "#test/support/programs.ts";
import { MemoryMarks, NOW_MS } from "#test/support/release-yard.ts";

const has = (...[program, ...args]: [string, ...string[]]): boolean =>
  spawnSync(program, args).error === undefined;
const without = (...programs: readonly string[]): string | false => {
  const missing = programs.filter((program) => !has(program, "--version"));
  return missing.length === 0 ? false : `${missing.join(", ")} missing: no such package was made`;
};
const DEB = { skip: without("gpg", "gpgv", "dpkg-deb") };
const RPM = { skip: without("gpg", "rpmbuild", "rpmsign", "rpmkeys") };

const TIME = { clockMs: NOW_MS, floorMs: 0 };
function look(yard: PackageYard, file: string, marks?: MemoryMarks): Promise<PackageReport> {
  const metadata = yard.path("metadata");
  return verifyPackage({ file, metadata, trust: yard.trust, marks, time: TIME, running: "1.0.0" });
}

/** `sbom SBOM at W11`, or `ok`. */
function said({ checks }: PackageReport): string {
  const bad = checks.filter(({ verdict }) => verdict !== "ok");
  const texts = bad.map(({ name, verdict, refusal }) =>
    [name, refusal ? `${refusal.code} at ${refusal.step}` : verdict].join(" "),
  );
  return texts.join(", ") || "ok";
}

async function signedDeb(yard: PackageYard, name = "holdfast_1.1.0_amd64.deb"): Promise<string> {
  const file = yard.deb(name);
  await yard.sign(file, "publisher");
  return file;
}

test(
  "[W11, W12, W13] a package with metadata beside it: chain, content, order, SBOM, signature",
  DEB,
  async () => {
    using yard = new PackageYard();
    const file = await signedDeb(yard);
    yard.publish(file);
    const report = await look(yard, file);
    assert.equal(said(report), "ok");
    assert.equal(report.verdict, "ok");
    assert.deepEqual(
      report.checks.map(({ name }) => name),
      ["metadata", "content", "order", "sbom", "signature"],
    );
    assert.match(report.checks.at(-1)?.said ?? "", new RegExp(yard.fingerprint("publisher")));
    assert.equal(report.target?.platform, "linux-x64-deb");
  },
);

test(
  "[B12] content that was changed, lengthened, or is another platform's or nobody's",
  DEB,
  async () => {
    using yard = new PackageYard();
    const file = await signedDeb(yard);
    yard.publish(file);
    const bytes = readFileSync(file);
    const changed = Buffer.from(bytes);
    changed[bytes.length - 5] = (changed[bytes.length - 5] ?? 0) ^ 1;
    writeFileSync(file, changed);
    assert.equal(said(await look(yard, file)), "content CONTENT at W13");
    writeFileSync(file, bytes.subarray(0, -1));
    assert.equal(said(await look(yard, file)), "content CONTENT at W13");
    writeFileSync(file, bytes);
    appendFileSync(file, "x");
    assert.equal(said(await look(yard, file)), "content CONTENT at W12");
    writeFileSync(yard.path("holdfast.rpm"), bytes);
    assert.equal(
      said(await look(yard, yard.path("holdfast.rpm"))),
      "content TARGET_UNKNOWN at W10",
    );
    writeFileSync(yard.path("holdfast.zip"), bytes);
    assert.equal(
      said(await look(yard, yard.path("holdfast.zip"))),
      "content TARGET_UNKNOWN at W10",
    );
    writeFileSync(file, bytes);
    yard.publish(file, { path: "linux-x64/other.deb" });
    assert.equal(said(await look(yard, file)), "content TARGET_UNKNOWN at W10");
    yard.publish(file, { custom: { platform: "win-x64-msi" } });
    assert.equal(said(await look(yard, file)), "content CUSTOM at W11");
  },
);

test(
  "[B17] a deb that is unsigned, signed by another publisher, or whose signature is of other content",
  DEB,
  async () => {
    using yard = new PackageYard();
    const unsigned = yard.deb("unsigned.deb");
    const foreign = yard.deb("foreign.deb");
    await yard.sign(foreign, "foreign");
    const builder = yard.deb("builder.deb");
    await yard.sign(builder, "publisher", "_gpgbuilder");
    // A good signature, moved to a deb with other content.
    const moved = yard.deb("moved.deb", `${SBOM} `);
    await yard.sign(yard.deb("good.deb"), "publisher");
    addMember(moved, "_gpgorigin", readFileSync(yard.path("to-sign.sig")));
    // Two signatures: which one counts is nobody's to choose.
    const twice = yard.deb("twice.deb");
    await yard.sign(twice, "publisher");
    await yard.sign(twice, "foreign");
    // A fourth member that dpkg might read, behind what is signed.
    const more = await signedDeb(yard, "more.deb");
    addMember(more, "data.tar.gz", Buffer.from("x"));
    const garbage = await signedDeb(yard, "garbage.deb");
    appendFileSync(garbage, "no archive goes on like this, not for sixty bytes and not for more");
    for (const file of [unsigned, foreign, builder, moved, twice, more, garbage]) {
      const sbom = file === moved ? { sbomSha256: sha256Of(`${SBOM} `) } : {};
      yard.publish(file, { custom: sbom });
      assert.match(said(await look(yard, file)), /signature SIGNATURE at W12$/, file);
    }
  },
);

const sha256Of = (text: string): string =>
  spawnSync("sha256sum", { input: text, encoding: "utf8" }).stdout.slice(0, 64);

test(
  "[B17] a key that the publisher's keyring has, but that is none of its fingerprints",
  DEB,
  async () => {
    using yard = new PackageYard();
    const file = await signedDeb(yard);
    yard.publish(file);
    const { root, publisher } = yard.trust;
    const openpgp = { ...publisher.openpgp, fingerprints: [yard.fingerprint("foreign")] };
    const trust = { root, publisher: { ...publisher, openpgp } };
    const options = { file, metadata: yard.path("metadata"), trust, marks: undefined };
    const report = await verifyPackage({ ...options, time: TIME, running: "1.0.0" });
    assert.equal(said(report), "signature SIGNATURE at W12");
  },
);

test("[B17] a publisher's key that has expired", DEB, async () => {
  using yard = new PackageYard();
  yard.addExpired();
  const file = yard.deb("holdfast.deb");
  await yard.sign(file, "expired");
  yard.publish(file);
  const options = { file, metadata: yard.path("metadata"), marks: undefined, time: TIME };
  const trust = yard.trustIn("expired");
  const report = await verifyPackage({ ...options, trust, running: "1.0.0" });
  assert.equal(said(report), "signature SIGNATURE at W12");
});

test("[W12] a deb that debsigs itself has signed", {
  skip: DEB.skip || without("debsigs"),
}, async () => {
  using yard = new PackageYard();
  const file = yard.deb("holdfast.deb");
  yard.run("debsigs", "--sign=origin", `--default-key=${yard.fingerprint("publisher")}`, file);
  yard.publish(file);
  assert.equal(said(await look(yard, file)), "ok");
});

test("[B22] an SBOM inside that differs from the metadata, or is not there", DEB, async () => {
  using yard = new PackageYard();
  for (const sbom of [`${SBOM}\n`, ""]) {
    const file = yard.deb("holdfast.deb", sbom);
    await yard.sign(file, "publisher");
    yard.publish(file);
    assert.equal(said(await look(yard, file)), "sbom SBOM at W11");
  }
});

test(
  "[W4, W11] marks remember the newest release seen; a release that needs another one says so",
  DEB,
  async () => {
    using yard = new PackageYard();
    const marks = new MemoryMarks();
    const file = await signedDeb(yard);
    yard.publish(file);
    assert.equal(said(await look(yard, file, marks)), "ok");
    assert.equal(marks.marks.versions.timestamp, 1);
    assert.equal(said(await look(yard, file, marks)), "ok", "it may be looked at again");
    yard.publish(file, { custom: { minFrom: "1.0.1" } });
    assert.equal(said(await look(yard, file)), "order MIN_FROM at W11");
    marks.marks = { ...marks.marks, releaseCounter: 2 };
    yard.publish(file);
    assert.equal(said(await look(yard, file, marks)), "order GOING_BACK at W11");
    marks.marks = { ...marks.marks, versions: { ...marks.marks.versions, targets: 2 } };
    assert.equal(said(await look(yard, file, marks)), "metadata OLDER at W4");
  },
);

test(
  "[W12] exit codes: 0 all verified, 65 refused, 69 not everything could be checked",
  DEB,
  async (t) => {
    using yard = new PackageYard();
    const lines: string[] = [];
    t.mock.method(console, "log", (line: string) => void lines.push(line));
    t.mock.method(console, "error", (line: string) => void lines.push(line));
    const marks = yard.path("marks.json");
    const verify = (file: string): Promise<number> =>
      verifyPackageFile(
        { file, metadata: undefined, marks, from: "1.0.0", json: false },
        yard.trust,
        NOW_MS,
      );
    const file = await signedDeb(yard);
    yard.publish(file);
    assert.equal(await verify(file), 0);
    assert.match(readFileSync(marks, "utf8"), /"timestamp":1/);
    const unsigned = yard.deb("unsigned.deb");
    yard.publish(unsigned);
    assert.equal(await verify(unsigned), 65);
    assert.match(lines.join("\n"), /^signature +refused +it is not signed$/m);
    assert.match(lines.join("\n"), /\[RELEASE_REFUSED\]/);
    const tar = yard.path("holdfast.tar.zst");
    mkdirSync(yard.path("t/holdfast-1.1.0"), { recursive: true });
    writeFileSync(yard.path("t/holdfast-1.1.0/holdfast.cdx.json"), SBOM);
    yard.run("tar", "-I", "zstd", "-cf", tar, "-C", yard.path("t"), "holdfast-1.1.0");
    const path = "linux-x64/holdfast.tar.zst";
    yard.publish(tar, { path, custom: { platform: "linux-x64-tar" } });
    assert.equal(await verify(tar), 69);
    assert.match(lines.join("\n"), /^by hand, signature: gpgv --keyring /m);
    assert.match(lines.join("\n"), /\[RELEASE_UNCHECKED\]/);
    writeFileSync(marks, "{}");
    await assert.rejects(verify(tar), { code: "RELEASE_MARKS_DAMAGED" });
    await assert.rejects(verify(yard.path("absent.tar.zst")), { code: "RELEASE_MARKS_DAMAGED" });
  },
);

test("[W12] a slip in the command is told by a build that has no root of trust, too", async () => {
  using yard = new PackageYard();
  const asked = (name: string, marks?: string) =>
    verifyPackageFile(
      { file: yard.path(name), metadata: undefined, marks, from: "1.0.0", json: false },
      undefined,
      NOW_MS,
    );
  const deb = Buffer.from(`!<arch>\n${"debian-binary".padEnd(48)}${"4".padEnd(10)}\`\n2.0\n`);
  writeFileSync(yard.path("cut.deb"), deb.subarray(0, -1));
  writeFileSync(yard.path("empty.rpm"), "");
  writeFileSync(yard.path("whole.deb"), deb);
  writeFileSync(yard.path("note.txt"), "x");
  for (const [name, flaw] of [
    ["cut.deb", "broken"],
    ["empty.rpm", "empty"],
    ["note.txt", "kind"],
  ] as const) {
    await assert.rejects(asked(name), {
      ...{ code: "RELEASE_NOT_WHOLE", exit: 65 },
      facts: { flaw },
    });
  }
  await assert.rejects(asked("absent.deb"), { code: "RELEASE_UNREADABLE" });
  writeFileSync(yard.path("marks"), "{}");
  await assert.rejects(asked("whole.deb", yard.path("marks")), { code: "RELEASE_MARKS_DAMAGED" });
  await assert.rejects(asked("whole.deb"), { code: "RELEASE_ROOT_ABSENT" });
  const main = programFile("agent/main.ts");
  const args = [main, "verify-package", yard.path("whole.deb"), "--from", "latest"];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.deepEqual([status, /--from.*Must be a version such as 1\.2\.0/.test(stderr)], [64, true]);
});

test(
  "[W12] a verifier that is not installed leaves the check open, and says how to do it",
  DEB,
  async () => {
    using yard = new PackageYard();
    const file = await signedDeb(yard);
    mkdirSync(yard.path("w"));
    copyFileSync(file, yard.path("w/package"));
    const judged = { path: yard.path("w/package"), workFolder: yard.path("w") };
    const verdict = await judgeDeb(judged, yard.trust.publisher, "gpgv-that-nobody-has");
    assert.ok(verdict.kind === "unchecked");
    assert.match(verdict.command, /debsig-verify/);
  },
);

test("[B17, B22] an rpm: signed by the publisher, by another one, by nobody", RPM, async () => {
  using yard = new PackageYard();
  const spec = `Name: holdfast
Version: 1.1.0
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/share/doc/holdfast
printf '%%s' '${SBOM}' > %{buildroot}${sbomPath().slice(1)}
%files
${sbomPath().slice(1)}
`;
  writeFileSync(yard.path("holdfast.spec"), spec);
  const top = ["--define", `_topdir ${yard.path("rpm")}`, "--define", `_rpmdir ${yard.folder}`];
  yard.run("rpmbuild", "-bb", "--quiet", ...top, yard.path("holdfast.spec"));
  const built = yard.path("noarch/holdfast-1.1.0-1.noarch.rpm");
  const plan = { path: "linux-x64/holdfast.rpm", custom: { platform: "linux-x64-rpm" } };
  const answers: string[] = [];
  for (const by of ["publisher", "foreign", undefined] as const) {
    const file = yard.path(`${by}.rpm`);
    copyFileSync(built, file);
    if (by !== undefined) {
      const name = ["--define", `_gpg_name ${yard.fingerprint(by)}`];
      yard.run(
        "rpmsign",
        ...name,
        "--define",
        `_gpg_path ${yard.gnupg}`,
        "--define",
        "__gpg /usr/bin/gpg",
        "--addsign",
        file,
      );
    }
    yard.publish(file, plan);
    const report = await look(yard, file);
    answers.push(report.checks.find(({ name }) => name === "signature")?.verdict ?? "none");
    const sbom = report.checks.find(({ name }) => name === "sbom");
    assert.equal(sbom?.verdict, has("cpio", "--version") ? "ok" : "unchecked", sbom?.said);
  }
  assert.deepEqual(answers, ["ok", "refused", "refused"]);
});
