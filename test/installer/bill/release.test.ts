/** What is released can be verified, file by file, and nothing else passes for it (09 PK16, T-K21; 08 H11). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { verifyPackageFile } from "#agent/cli/verify-package.ts";
import { writeChecksums } from "#installer/bill/checksums.ts";
import { packagedIn, releaseDescription } from "#installer/bill/release-description.ts";
import type { ReleaseTrust } from "#releases/root.ts";
import { PackageYard, SBOM } from "#test/support/package-yard.ts";
import { KEYS } from "#test/support/release-yard.ts";
import { SigningDesk } from "#test/support/signing-desk.ts";

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const missing = ["gpg", "gpgv", "dpkg-deb", "zstd"].filter((program) => !has(program));
const skip = missing.length > 0 && `${missing.join(", ")} missing: nothing was signed`;
/** A file of Windows that is not ours to run here, signed in the place of `holdfast.exe`. */
const PE = "node_modules/better-sqlite3/prebuilds/win32-x64.node";
const ROLES = ["root", "targets", "snapshot", "timestamp"] as const;

/** What `npm run build`, and who makes packages, leave in `dist`; executables are stand-ins, for nobody starts them. */
class Released implements Disposable {
  readonly yard = new PackageYard();
  readonly canSignPe = has("osslsigncode") && has("openssl");
  #cas = "";
  #desk: SigningDesk | undefined;

  get dist(): string {
    return this.yard.path("dist");
  }

  path(name: string): string {
    return join(this.dist, name);
  }

  static async make(): Promise<Released> {
    const released = new Released();
    for (const folder of ["linux-x64", "linux-arm64", "win-x64"]) {
      mkdirSync(released.path(folder), { recursive: true });
      for (const program of ["holdfast", "holdfast-receiver", "holdfast-sign"]) {
        if (folder === "win-x64") continue;
        writeFileSync(released.path(`${folder}/${program}`), `${program} for ${folder}`);
        writeFileSync(released.path(`${folder}/${program}.cdx.json`), SBOM);
      }
    }
    await released.#addPackages();
    if (released.canSignPe) released.#addPe();
    return released;
  }

  async #addPackages(): Promise<void> {
    for (const program of ["holdfast", "holdfast-receiver"] as const) {
      const deb = this.yard.deb(`${program}_0.1.0_amd64.deb`, SBOM, program);
      await this.yard.sign(deb, "publisher");
      renameSync(deb, this.path(`${program}_0.1.0_amd64.deb`));
    }
    const inside = this.yard.path("holdfast-0.1.0");
    mkdirSync(inside);
    writeFileSync(join(inside, "holdfast.cdx.json"), SBOM);
    const tar = this.path("holdfast-0.1.0-linux-x86_64.tar.zst");
    this.yard.run("tar", "-I", "zstd", "-cf", tar, "-C", this.yard.folder, "holdfast-0.1.0");
  }

  #addPe(): void {
    const { yard } = this;
    const [key, cert] = [yard.path("pe.key"), yard.path("pe.pem")];
    const use = ["-addext", "extendedKeyUsage=codeSigning", "-subj", "/CN=Holdfast Test"];
    yard.run(
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      ...use,
      "-keyout",
      key,
      "-out",
      cert,
    );
    copyFileSync(PE, yard.path("unsigned.exe"));
    const to = this.path("win-x64/holdfast.exe");
    yard.run(
      "osslsigncode",
      "sign",
      "-certs",
      cert,
      "-key",
      key,
      "-in",
      yard.path("unsigned.exe"),
      "-out",
      to,
    );
    writeFileSync(this.path("win-x64/holdfast.cdx.json"), SBOM);
    this.#cas = readFileSync(cert, "utf8");
  }

  /** As the vendor does it. @returns what is compiled into the program of a hospital */
  async publish(): Promise<ReleaseTrust> {
    this.#desk?.[Symbol.dispose]();
    const desk = await SigningDesk.open();
    this.#desk = desk;
    for (const role of ROLES) {
      for (const [index, { key }] of KEYS[role].entries()) {
        desk.writeSecret(`${role}${index + 1}.pem`, key.export({ format: "pem", type: "pkcs8" }));
      }
    }
    const lines = ROLES.map((role) => {
      const threshold = role === "root" || role === "targets" ? 2 : 1;
      const keys = KEYS[role].map(({ hex }) => `'${hex}'`).join(", ");
      return `  ${role}: { threshold: ${threshold}, keys: [${keys}] }\n`;
    });
    desk.write("root.yaml", `roles:\n${lines.join("")}`);
    writeFileSync(
      this.path("release.yaml"),
      releaseDescription(this.dist, "0.1.0", { releaseCounter: 1, minFrom: "0.1.0" }),
    );
    const by = (...names: readonly string[]): string[] =>
      names.flatMap((name) => ["--key", `${name}.pem`]);
    const repo = ["--repo", "r"];
    await desk.sign("release", "root", "root.yaml", ...repo, ...by("root1", "root2"));
    await desk.sign(
      "release",
      "targets",
      this.path("release.yaml"),
      ...repo,
      ...by("targets1", "targets2"),
    );
    await desk.sign("release", "publish", ...repo, ...by("snapshot1", "timestamp1"));
    cpSync(desk.path("r/metadata"), this.path("metadata"), { recursive: true });
    const { openpgp } = this.yard.trust.publisher;
    const authenticode = { cas: this.#cas, subject: "/CN=Holdfast Test" };
    return { root: desk.read("r/metadata/1.root.json"), publisher: { openpgp, authenticode } };
  }

  [Symbol.dispose](): void {
    this.#desk?.[Symbol.dispose]();
    this.yard[Symbol.dispose]();
  }
}

test("[T-K21] [H11] each file that is released is verified, and refused with one byte changed", {
  skip,
}, async (t) => {
  using released = await Released.make();
  const trust = await released.publish();
  const lines: string[] = [];
  t.mock.method(console, "log", (line: string) => void lines.push(line));
  t.mock.method(console, "error", (line: string) => void lines.push(line));
  const metadata = released.path("metadata");
  const verify = (name: string): Promise<number> =>
    verifyPackageFile(
      { file: released.path(name), metadata, marks: undefined, from: "0.1.0", json: false },
      trust,
      Date.now(),
    );
  const packages = packagedIn(released.dist);
  assert.equal(packages.length, released.canSignPe ? 10 : 9);
  for (const { file, platform } of packages) {
    // What has no signature of its own leaves one check to be done by hand.
    const expected = /\.(?:deb|exe)$/.test(file) ? 0 : 69;
    lines.length = 0;
    assert.equal(await verify(file), expected, `${file}: ${lines.join("\n")}`);
    assert.match(lines.join("\n"), new RegExp(`^content +ok +${platform}, `, "m"));
    const whole = readFileSync(released.path(file));
    const changed = Buffer.from(whole);
    const at = whole.length - 5;
    changed.writeUInt8(whole.readUInt8(at) ^ 1, at);
    writeFileSync(released.path(file), changed);
    lines.length = 0;
    assert.equal(await verify(file), 65, file);
    assert.match(lines.join("\n"), /^content +refused +CONTENT at W1[23]/m);
    writeFileSync(released.path(file), whole);
  }
  if (!released.canSignPe) t.diagnostic("not tested: signatures of Windows without osslsigncode");
});

test("[W11] beside an executable lies the list that was signed, or the check is left open, or it is refused", {
  skip,
}, async () => {
  using released = await Released.make();
  const trust = await released.publish();
  const metadata = released.path("metadata");
  const file = released.path("linux-x64/holdfast");
  const look = () =>
    verifyPackageFile(
      { file, metadata, marks: undefined, from: "0.1.0", json: false },
      trust,
      Date.now(),
    );
  const list = released.path("linux-x64/holdfast.cdx.json");
  rmSync(list);
  assert.equal(await look(), 69);
  writeFileSync(list, `${SBOM} `);
  assert.equal(await look(), 65);
});

test("[PK16] the checksums name every file, their signature is the key's, and the commands that we tell people find one changed byte", {
  skip,
}, async () => {
  using released = await Released.make();
  const { yard, dist } = released;
  writeChecksums(dist, { key: yard.fingerprint("publisher"), home: yard.gnupg });
  const text = readFileSync(released.path("SHA256SUMS"), "utf8");
  for (const { file, sbom } of packagedIn(dist)) {
    for (const name of [file, sbom]) {
      const sha256 = createHash("sha256")
        .update(readFileSync(released.path(name)))
        .digest("hex");
      assert.ok(text.includes(`${sha256}  ${name}\n`), name);
    }
  }
  writeFileSync(yard.path("publisher.asc"), yard.trust.publisher.openpgp.armoured);
  yard.run("gpg", "--dearmor", "--output", yard.path("publisher.gpg"), yard.path("publisher.asc"));
  const command = `gpgv --keyring ${yard.path("publisher.gpg")} SHA256SUMS.asc && sha256sum --check --ignore-missing SHA256SUMS.asc`;
  const check = () => spawnSync("sh", ["-c", command], { cwd: dist, encoding: "utf8" }).status;
  assert.equal(check(), 0);
  appendFileSync(released.path("linux-arm64/holdfast"), "x");
  assert.notEqual(check(), 0, "a file");
  writeChecksums(dist, { key: yard.fingerprint("publisher"), home: yard.gnupg });
  assert.equal(check(), 0);
  const signed = readFileSync(released.path("SHA256SUMS.asc"), "latin1");
  writeFileSync(released.path("SHA256SUMS.asc"), signed.replace("holdfast-sign", "holdfast-sigh"));
  assert.notEqual(check(), 0, "the sums");
  writeChecksums(dist, { key: yard.fingerprint("foreign"), home: yard.gnupg });
  assert.notEqual(check(), 0, "another key");
  assert.throws(
    () => writeChecksums(dist, { key: "nobody@example.org", home: yard.gnupg }),
    /gpg does not sign/,
  );
  writeChecksums(dist);
  assert.throws(() => readFileSync(released.path("SHA256SUMS.asc")), { code: "ENOENT" });
});

test("[W10] a file that nobody knows, one without its list of parts, or two of a kind end the release", {
  skip,
}, async () => {
  using released = await Released.make();
  const order = { releaseCounter: 1, minFrom: "0.1.0" };
  const describe = () => releaseDescription(released.dist, "0.1.0", order);
  assert.match(
    describe(),
    /^ {2}receiver-linux-x64-deb: \{"file":"holdfast-receiver_0\.1\.0_amd64\.deb","sbom":"linux-x64\/holdfast-receiver\.cdx\.json"\}$/m,
  );
  writeFileSync(released.path("linux-x64/core.1234"), "x");
  assert.throws(describe, /^Error: linux-x64\/core\.1234: is no file that a release consists of$/);
  rmSync(released.path("linux-x64/core.1234"));
  copyFileSync(
    released.path("holdfast_0.1.0_amd64.deb"),
    released.path("holdfast_0.2.0_amd64.deb"),
  );
  assert.throws(describe, /there are two of linux-x64-deb$/);
  rmSync(released.path("holdfast_0.2.0_amd64.deb"));
  rmSync(released.path("linux-arm64/holdfast-sign.cdx.json"));
  assert.throws(describe, /linux-arm64\/holdfast-sign\.cdx\.json is not there$/);
});
