/**
 * The signature of a deb, as `debsigs` makes it: over the three members in order, by OpenPGP, judged by `gpgv`,
 * which every Debian has for its own archives. Not by `debsig-verify`, which no system has until somebody
 * installs it and writes a policy for it.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Publisher } from "../root.ts";
import { type Member, readMembers } from "./ar.ts";
import { runTool } from "./tool.ts";
import type { Judged, SignatureVerdict } from "./verdict.ts";

const SIGNATURE = "_gpgorigin";
const SIGNATURE_MAX_BYTES = 16_384;
const BY_HAND = "debsig-verify FILE";

/** @param gpgv the program; it is named in tests alone */
export async function judgeDeb(
  judged: Judged,
  publisher: Publisher,
  gpgv = "gpgv",
): Promise<SignatureVerdict> {
  await using handle = await open(judged.path, "r");
  const members = await readMembers(handle);
  const parts = members === undefined ? undefined : signedParts(members);
  if (parts === undefined) return { kind: "refused", why: "it is no deb of three members" };
  const { signature, signed } = parts;
  if (signature === undefined || signature.length > SIGNATURE_MAX_BYTES) {
    return { kind: "refused", why: "it is not signed" };
  }
  const inFolder = (name: string): string => join(judged.workFolder, name);
  await copyMembers(judged.path, signed, inFolder("signed"));
  await writeFile(inFolder("signature"), await contentOf(handle, signature));
  await writeFile(inFolder("keyring"), dearmoured(publisher.openpgp.armoured));
  const ran = await runTool([
    ...([gpgv, "--homedir", judged.workFolder, "--weak-digest", "SHA1"] as const),
    ...["--status-fd", "1", "--keyring", inFolder("keyring")],
    ...[inFolder("signature"), inFolder("signed")],
  ]);
  if (ran === undefined) {
    return { kind: "unchecked", why: "gpgv is not installed", command: BY_HAND };
  }
  return verdictOf(ran, publisher.openpgp.fingerprints);
}

/** What is signed is all that dpkg would read, and nothing stands before or between. */
function signedParts(members: readonly Member[]) {
  const [format, control, data, ...others] = members;
  const isWhole =
    format?.name === "debian-binary" &&
    /^control\.tar(?:\.(?:gz|xz|zst))?$/.test(control?.name ?? "") &&
    /^data\.tar(?:\.(?:gz|xz|zst))?$/.test(data?.name ?? "") &&
    others.every(({ name }) => name.startsWith("_gpg"));
  if (!isWhole || control === undefined || data === undefined) return undefined;
  const signatures = others.filter(({ name }) => name === SIGNATURE);
  const [signature] = signatures.length === 1 ? signatures : [];
  return { signature, signed: [format, control, data] };
}

/** Good and by a key of the publisher; `EXPKEYSIG`, `REVKEYSIG` and the like are not `GOODSIG`. */
function verdictOf(
  { status, stdout }: { readonly status: number | null; readonly stdout: string },
  fingerprints: readonly string[],
): SignatureVerdict {
  const isGood = status === 0 && /^\[GNUPG:\] GOODSIG /m.test(stdout);
  const primary = /^\[GNUPG:\] VALIDSIG (?:\S+ )*(?<primary>[0-9A-F]{40})$/m.exec(stdout)?.groups;
  const fingerprint = primary?.["primary"] ?? "";
  if (!isGood) return { kind: "refused", why: "its signature is not by the publisher" };
  if (!fingerprints.includes(fingerprint)) {
    return { kind: "refused", why: `it is signed by ${fingerprint}, who is not the publisher` };
  }
  return { kind: "verified", publisher: `OpenPGP ${fingerprint}` };
}

async function copyMembers(from: string, members: readonly Member[], to: string): Promise<void> {
  await using target = await open(to, "wx", 0o600);
  for (const { at, length } of members) {
    if (length === 0) continue;
    const source = createReadStream(from, { start: at, end: at + length - 1 });
    await pipeline(source, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await target.writeFile(chunk);
    });
  }
}

async function contentOf(handle: FileHandle, { at, length }: Member): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  await handle.read(buffer, 0, length, at);
  return buffer;
}

/** `gpgv` reads a binary keyring alone (RFC 4880 6.2: base64 between an empty line and a checksum). */
export function dearmoured(text: string): Uint8Array {
  const lines = text.split(/\r?\n/);
  const body = lines
    .slice(lines.indexOf("") + 1)
    .filter((line) => /^[A-Za-z0-9+/]+={0,2}$/.test(line));
  return new Uint8Array(Buffer.from(body.join(""), "base64"));
}
