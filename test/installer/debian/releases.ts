/** Releases as a vendor makes them: packages of one program in several versions, signed, with metadata beside them. @module */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentPackage, type LinuxPackage } from "#installer/linux/contents.ts";
import { makeDeb } from "#installer/linux/deb.ts";
import { AGENT } from "#installer/programs.ts";
import { BuiltExecutable } from "#test/support/built-executable.ts";
import type { Container } from "#test/support/container.ts";
import { PackageYard, SBOM } from "#test/support/package-yard.ts";
import {
  customJson,
  type Json,
  KEYS,
  repository,
  sha256,
  signed,
  targetsJson,
} from "#test/support/release-yard.ts";

/** As the executable has it inside. */
const NAMED = '"name": "holdfast",\n  "version": "';
/** Starts, and is never ready. */
const NEVER_READY = "#!/bin/sh\nexec sleep 600\n";

export interface Release {
  readonly version: string;
  /** Where it lies on the hospital's machine. */
  readonly file: string;
  readonly digest: string;
}

export class Releases implements Disposable {
  readonly #yard: PackageYard;
  readonly #work = mkdtempSync(join(tmpdir(), "holdfast-releases-"));
  readonly #built: BuiltExecutable;
  readonly #program: string;

  private constructor(built: BuiltExecutable, yard: PackageYard) {
    this.#built = built;
    this.#yard = yard;
    this.#program = built.released();
  }

  /** Builds the program with a root of trust, as a vendor does who puts his own into `releases/root.ts`. */
  static async open(): Promise<Releases> {
    const yard = new PackageYard();
    const { root, publisher } = yard.trust;
    const text = `export const EMBEDDED_TRUST = {
  root: new Uint8Array(Buffer.from("${Buffer.from(root).toString("base64")}", "base64")),
  publisher: ${JSON.stringify(publisher)},
};`;
    const built = await BuiltExecutable.build({
      ...AGENT,
      name: "holdfast-that-updates",
      replaced: { "releases/root.ts": text },
    });
    return new Releases(built, yard);
  }

  /** @param version of the same number of characters as that of the build */
  async good(number: number, version: string, machine: Container): Promise<Release> {
    const bytes = readFileSync(this.#program);
    const at = bytes.indexOf(NAMED) + NAMED.length;
    bytes.write(version, at, "latin1");
    return await this.#release(number, version, bytes, machine);
  }

  async neverReady(number: number, version: string, machine: Container): Promise<Release> {
    return await this.#release(number, version, Buffer.from(NEVER_READY), machine);
  }

  async #release(
    number: number,
    version: string,
    program: Uint8Array,
    machine: Container,
  ): Promise<Release> {
    const sbom = join(this.#work, "holdfast.cdx.json");
    writeFileSync(sbom, SBOM);
    const contents = agentPackage(this.#program, "linux-x64", [sbom]);
    const executable = join(this.#work, "program");
    writeFileSync(executable, program);
    const files = contents.files.map((one) =>
      one.path === "opt/holdfast/bin/holdfast" ? { ...one, from: executable } : one,
    );
    const linux: LinuxPackage = { ...contents, version, files };
    const deb = makeDeb(linux, this.#work, join(this.#work, "staged"), "none");
    await this.#yard.sign(deb, "publisher");
    const folder = `root/release-${number}`;
    mkdirSync(machine.path(`${folder}/metadata`), { recursive: true });
    const file = `${folder}/holdfast_${version}_amd64.deb`;
    copyFileSync(deb, machine.path(file));
    const metadata = metadataFor(number, version, readFileSync(deb));
    for (const [name, text] of metadata) {
      writeFileSync(machine.path(`${folder}/metadata/${name}`), text);
    }
    return { version, file: `/${file}`, digest: sha256(readFileSync(deb)) };
  }

  [Symbol.dispose](): void {
    this.#built[Symbol.dispose]();
    this.#yard[Symbol.dispose]();
    rmSync(this.#work, { recursive: true, force: true });
  }
}

function metadataFor(number: number, version: string, deb: Uint8Array): Map<string, Uint8Array> {
  const content: Json = targetsJson(number);
  const custom = customJson(number, { version, sbomSha256: sha256(SBOM) });
  const target = { length: deb.length, hashes: { sha256: sha256(deb) }, custom };
  content["targets"] = { "linux-x64/holdfast.deb": target };
  return repository({ version: number, targets: signed(content, KEYS.targets) });
}
