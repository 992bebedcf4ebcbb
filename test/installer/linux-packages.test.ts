/** Packages for Linux, of whatever is put into them: the same bytes twice, whose files, what scripts do (09 1.6, 2). */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SCHEMA_VERSION } from "#agent/outbox/format/migrations.ts";
import { storeSchemaOf } from "#agent/updater/package-manager.ts";
import { loadLocalConfig } from "#config/local.ts";
import { agentPackage, type LinuxPackage } from "#installer/linux/contents.ts";
import { makeDeb } from "#installer/linux/deb.ts";
import { makeRpm } from "#installer/linux/rpm.ts";
import { makeTar } from "#installer/linux/tar.ts";
import { containerMissing, debianRoot } from "#test/support/container.ts";

const PROGRAM = "#!/bin/sh\necho program: $*\n";
const has = (program: string): boolean =>
  spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
const skip = ["dpkg-deb", "rpmbuild", "zstd"].every(has)
  ? false
  : "no dpkg-deb, rpmbuild or zstd: packages for Linux are not tested";

describe("packages for Linux", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-packages-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let contents: LinuxPackage;
  before(() => {
    const program = join(folder, "holdfast");
    const notices = join(folder, "THIRD-PARTY-NOTICES.txt");
    writeFileSync(program, PROGRAM);
    writeFileSync(notices, "notices\n");
    mkdirSync(join(folder, "lib"));
    for (const name of ["better-sqlite3", "koffi"])
      writeFileSync(join(folder, `lib/0123456789abcdef-${name}.node`), name);
    contents = agentPackage(program, "linux-x64", [notices]);
  });

  const formats = {
    deb: (dist: string, work: string) => makeDeb(contents, dist, work, "none"),
    rpm: (dist: string, work: string) => makeRpm(contents, dist, work, "w1.gzdio"),
    "tar.zst": (dist: string, work: string) => makeTar(contents, dist, work, 1),
  };
  const made = (format: keyof typeof formats, place: string): string => {
    const dist = join(folder, place, "dist");
    mkdirSync(dist, { recursive: true });
    return formats[format](dist, join(folder, place, "work"));
  };

  for (const format of ["deb", "rpm", "tar.zst"] as const) {
    test(`[09 1.6] two builds in two folders, with another umask, make the same ${format}`, async () => {
      const one = made(format, "one");
      const umask = process.umask(0o077);
      try {
        // Of another second: a time of this machine would show.
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        const other = made(format, "a-folder-of-a-longer-name");
        assert.ok(readFileSync(one).equals(readFileSync(other)));
      } finally {
        process.umask(umask);
      }
    });
  }

  test("[PK18] the deb needs libc, libstdc++ and systemd alone, and has no file that asks", () => {
    const file = made("deb", "one");
    const field = (name: string): string =>
      execFileSync("dpkg-deb", ["--field", file, name], { encoding: "utf8" }).trim();
    assert.equal(field("Depends"), "libc6 (>= 2.28), libstdc++6, systemd");
    assert.equal(field("Architecture"), "amd64");
    assert.equal(storeSchemaOf("deb", file), SCHEMA_VERSION);
    const control = execFileSync("dpkg-deb", ["--ctrl-tarfile", file]);
    const names = execFileSync("tar", ["-t"], { input: control, encoding: "utf8" })
      .trim()
      .split("\n");
    assert.deepEqual(names.sort(), [
      "./",
      "./control",
      "./md5sums",
      "./postinst",
      "./postrm",
      "./preinst",
      "./prerm",
    ]);
  });

  test("[PK18] the rpm needs glibc, libstdc++ and systemd alone", () => {
    const file = made("rpm", "one");
    const needed = execFileSync("rpm", ["-qp", "--requires", file], { encoding: "utf8" });
    const ours = needed
      .split("\n")
      .filter((line) => line !== "" && !/^rpmlib|^\/bin\/sh/.test(line));
    assert.deepEqual(ours.sort(), ["glibc >= 2.28", "libstdc++", "systemd"]);
    assert.equal(storeSchemaOf("rpm", file), SCHEMA_VERSION);
  });

  test("[09 2.1] the archive has everything beside the program, below one folder", () => {
    const file = made("tar.zst", "one");
    const listed = execFileSync("tar", ["-I", "zstd", "-tvf", file], { encoding: "utf8" });
    const lines = listed.trim().split("\n");
    for (const line of lines) assert.match(line, /^[-d]rwxr-xr-x 0\/0|^-rw-r--r-- 0\/0/);
    const names = lines.map((line) =>
      line.slice(line.indexOf("holdfast-")).replace(/^holdfast-[^/]*\//, ""),
    );
    assert.ok(names.includes("holdfast") && names.includes("local.yaml.example"), listed);
    assert.equal(names.filter((name) => /^lib\/[0-9a-f]{16}-\S+\.node$/.test(name)).length, 2);
  });

  test("[PK17] the example of a local.yaml is one that loads", () => {
    const example = join(import.meta.dirname, "../../installer/linux/local.yaml.example");
    const file = join(folder, "local.yaml");
    writeFileSync(file, readFileSync(example));
    assert.deepEqual(
      loadLocalConfig(file).channels.map(({ name }) => name),
      ["adt"],
    );
  });

  test("the manual names commands that there are", () => {
    const manual = readFileSync(
      join(import.meta.dirname, "../../installer/linux/holdfast.1"),
      "utf8",
    );
    const help = execFileSync(process.execPath, ["agent/main.ts", "--help"], { encoding: "utf8" });
    const commands = [...manual.matchAll(/^\.B holdfast ([a-z]+)$/gm)].map(([, name]) => name);
    assert.ok(commands.length >= 4);
    for (const command of commands) assert.match(help, new RegExp(`^  ${command}\\b`, "m"));
  });

  test("[T-K17] the rpm puts files, owners and account there, keeps a service's state, and says what it keeps", {
    skip: containerMissing(),
  }, () => {
    const root = mkdtempSync(join(folder, "root-"));
    execFileSync("cp", ["-a", `${debianRoot("bookworm")}/.`, root]);
    // A Debian with the tools of systemd stands in for a Red Hat: its packages are not those that rpm knows.
    const rpm = (...args: readonly string[]): string =>
      execFileSync("rpm", ["--root", root, "--nodeps", ...args], {
        encoding: "utf8",
        stdio: "pipe",
      });
    rpm("-i", made("rpm", "one"));
    for (const { path, mode } of contents.files) {
      const { mode: found, uid, gid } = lstatSync(join(root, path));
      assert.deepEqual([found & 0o7777, uid, gid], [mode, 0, 0], path);
    }
    assert.match(readFileSync(join(root, "etc/passwd"), "utf8"), /^holdfast:/m);
    assert.match(readFileSync(join(root, "etc/group"), "utf8"), /^holdfast-approvers:/m);
    const wanted = "etc/systemd/system/multi-user.target.wants/holdfast.service";
    // Its target is within the root.
    const isEnabled = (): boolean =>
      lstatSync(join(root, wanted), { throwIfNoEntry: false })?.isSymbolicLink() === true;
    assert.ok(isEnabled());
    assert.equal(lstatSync(join(root, "etc/holdfast")).mode & 0o7777, 0o750);
    mkdirSync(join(root, "var/lib/holdfast"));
    writeFileSync(join(root, "etc/holdfast/local.yaml"), "");
    rpm("-U", "--force", made("rpm", "one"));
    assert.ok(isEnabled());
    const said = rpm("-e", "holdfast");
    assert.match(said, /^program: service remains$/m);
    assert.match(said, /^This deletes it for good: rm -rf \/var\/lib\/holdfast /m);
    assert.ok(!existsSync(join(root, "opt/holdfast/bin/holdfast")));
    assert.ok(!isEnabled());
    assert.ok(existsSync(join(root, "etc/holdfast/local.yaml")));
    assert.ok(existsSync(join(root, "var/lib/holdfast")));
    assert.match(readFileSync(join(root, "etc/passwd"), "utf8"), /^holdfast:/m);
  });
});
