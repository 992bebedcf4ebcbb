/** `SHA256SUMS` over all that is released, and its signature (09 PK16). @module */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";

export const CHECKSUMS = "SHA256SUMS";
const SIGNED = `${CHECKSUMS}.asc`;

/** Whom `gpg` signs for. */
export interface Signer {
  /** Fingerprint, or what else `gpg --local-user` takes. */
  readonly key: string;
  /** Folder of its keys; absent: the one of who runs it. */
  readonly home?: string;
}

/** Release metadata, which is made later, and is signed itself. */
const METADATA = "metadata/";

/** @returns paths from `dist`, with slashes, in order; without the checksums themselves */
export function filesOf(dist: string): readonly string[] {
  return globSync("**", { cwd: dist })
    .filter((name) => statSync(join(dist, name)).isFile())
    .map((name) => name.replaceAll(sep, "/"))
    .filter((name) => name !== CHECKSUMS && name !== SIGNED && !name.startsWith(METADATA))
    .sort();
}

/**
 * Writes them as `sha256sum --check` reads them; what was signed before is taken away.
 *
 * @throws {Error} what gpg says, where it is to sign
 */
export function writeChecksums(dist: string, signer?: Signer): void {
  const lines = filesOf(dist).map((name) => {
    const sha256 = createHash("sha256")
      .update(readFileSync(join(dist, name)))
      .digest("hex");
    return `${sha256}  ${name}\n`;
  });
  rmSync(join(dist, SIGNED), { force: true });
  writeFileSync(join(dist, CHECKSUMS), lines.join(""));
  if (signer !== undefined) sign(dist, signer);
}

function sign(dist: string, { key, home }: Signer): void {
  const args = [
    ...(home === undefined ? [] : ["--homedir", home]),
    ...["--batch", "--yes", "--local-user", key, "--digest-algo", "SHA512"],
    ...["--output", SIGNED, "--clearsign", CHECKSUMS],
  ];
  const { status, stderr, error } = spawnSync("gpg", args, { cwd: dist, encoding: "utf8" });
  if (error !== undefined) throw new Error("gpg is not installed", { cause: error });
  if (status !== 0) throw new Error(`gpg does not sign: ${stderr.trim()}`);
}
