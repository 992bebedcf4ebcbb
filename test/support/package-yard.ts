/** Packages with real signatures: keys of OpenPGP in a folder of their own, debs, and metadata beside them. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ReleaseTrust } from "#releases/root.ts";
import { type Sought, sbomPath } from "#releases/sbom.ts";
import { readMembers } from "#releases/signature/ar.ts";
import {
  customJson,
  type Json,
  KEYS,
  repository,
  sha256,
  signed,
  targetsJson,
} from "./release-yard.ts";

export const SBOM = '{"bomFormat":"CycloneDX"}';
const PUBLISHER = "Holdfast Releases <releases@example.org>";
const FOREIGN = "Somebody Else <else@example.org>";

const EXPIRED = "Holdfast Releases of Old <old@example.org>";
const THEN = ["--faked-system-time", "20240101T000000"];
type Signer = "publisher" | "foreign" | "expired";

export interface PackagePlan {
  /** What the metadata says beside length and hash. */
  readonly custom?: Json;
  readonly path?: string;
}

export class PackageYard implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-packages-"));
  readonly #fingerprints: Record<string, string> = {};

  constructor() {
    mkdirSync(this.gnupg, { mode: 0o700 });
    for (const [name, user] of [
      ["publisher", PUBLISHER],
      ["foreign", FOREIGN],
    ] as const) {
      this.#gpg("--passphrase", "", "--quick-gen-key", user, "ed25519", "sign", "never");
      const listed = this.#gpg("--with-colons", "--list-keys", user);
      this.#fingerprints[name] = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
    }
  }

  get gnupg(): string {
    return join(this.folder, "gnupg");
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  fingerprint(name: Signer): string {
    return this.#fingerprints[name] ?? "";
  }

  get trust(): ReleaseTrust {
    return this.trustIn("publisher");
  }

  /** A publisher whose key, of a year ago and more, was good for a year; `sign` signs while it was. */
  addExpired(): void {
    const made = ["--passphrase", "", "--quick-gen-key", EXPIRED, "ed25519", "sign", "1y"];
    this.#gpg(...THEN, ...made);
    const listed = this.#gpg("--with-colons", "--list-keys", EXPIRED);
    this.#fingerprints["expired"] = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
  }

  trustIn(name: Signer): ReleaseTrust {
    return {
      root: repository().get("1.root.json") ?? new Uint8Array(),
      publisher: {
        openpgp: {
          armoured: this.#gpg("--armor", "--export", this.fingerprint(name)),
          fingerprints: [this.fingerprint(name)],
        },
        authenticode: { cas: "", subject: "" },
      },
    };
  }

  /** @returns path of an unsigned deb */
  deb(name: string, sbom: string | undefined = SBOM, program?: Sought["program"]): string {
    const tree = this.path("tree");
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(join(tree, "DEBIAN"), { recursive: true });
    writeFileSync(
      join(tree, "DEBIAN/control"),
      "Package: holdfast\nVersion: 1.1.0\nArchitecture: amd64\nMaintainer: H <h@example.org>\nDescription: x\n",
    );
    const file = join(tree, sbomPath(program));
    mkdirSync(dirname(file), { recursive: true });
    if (sbom !== "") writeFileSync(file, sbom);
    this.run("dpkg-deb", "--root-owner-group", "-Zxz", "-b", tree, this.path(name));
    return this.path(name);
  }

  /** Signs as `debsigs --sign=origin` does. */
  async sign(deb: string, by: Signer, member = "_gpgorigin"): Promise<void> {
    const bytes = readFileSync(deb);
    await using handle = await open(deb, "r");
    const members = (await readMembers(handle)) ?? [];
    const parts = members.slice(0, 3).map(({ at, length }) => bytes.subarray(at, at + length));
    writeFileSync(this.path("to-sign"), Buffer.concat(parts));
    rmSync(this.path("to-sign.sig"), { force: true });
    const user = [...(by === "expired" ? THEN : []), "--local-user", this.fingerprint(by)];
    this.#gpg(
      ...user,
      "--openpgp",
      "--output",
      this.path("to-sign.sig"),
      "-b",
      this.path("to-sign"),
    );
    addMember(deb, member, readFileSync(this.path("to-sign.sig")));
  }

  /** Metadata, beside the packages, in which `file` is a package of release 1. */
  publish(file: string, { custom = {}, path = "linux-x64/holdfast.deb" }: PackagePlan = {}): void {
    const bytes = readFileSync(file);
    const content = targetsJson(1);
    const said = customJson(1, { sbomSha256: sha256(SBOM), ...custom });
    const target = { length: bytes.length, hashes: { sha256: sha256(bytes) }, custom: said };
    content["targets"] = { [path]: target };
    const folder = this.path("metadata");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const files = repository({ targets: signed(content, KEYS.targets) });
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
  }

  run(program: string, ...args: readonly string[]): string {
    const env = { ...process.env, GNUPGHOME: this.gnupg };
    const ran = spawnSync(program, args, { encoding: "utf8", env, cwd: this.folder });
    assert.equal(ran.status, 0, `${program} ${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  #gpg(...args: readonly string[]): string {
    return this.run("gpg", "--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", ...args);
  }

  [Symbol.dispose](): void {
    spawnSync("gpgconf", ["--homedir", this.gnupg, "--kill", "all"]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Appends a member to an `ar` archive. */
export function addMember(file: string, name: string, content: Uint8Array): void {
  const [id, size] = [name.padEnd(16), String(content.length).padEnd(10)];
  const header = `${id}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${size}\`\n`;
  appendFileSync(file, header);
  appendFileSync(file, content);
  if (content.length % 2 === 1) appendFileSync(file, "\n");
}
