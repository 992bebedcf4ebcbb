/**
 * Keys, tokens and passwords that lie where everybody reads them (08 H13).
 *
 *   node scripts/find-secrets.ts [FILE …]     these; without names, what git keeps of this project
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Secret {
  /** What it looks like. */
  readonly kind: string;
  /** Of the bytes. */
  readonly at: number;
  /** First 16 hex digits of its SHA-256: names it in {@link KNOWN} without saying it again. */
  readonly digest: string;
}

const BASE64_LINE = "[A-Za-z0-9+/=]{40,}";
/** Each needs content behind its name: that a program knows the name of a thing is no secret. */
const LOOKS: Readonly<Record<string, RegExp>> = {
  "private key in PEM": new RegExp(
    `-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\\s|\\\\r|\\\\n)+(?:[A-Za-z-]+: [^\\n]*\\s+)*${BASE64_LINE}`,
    "g",
  ),
  "OpenPGP private key": /-----BEGIN PGP PRIVATE KEY BLOCK-----[\s\S]{0,200}?[A-Za-z0-9+/=]{40,}/g,
  // PKCS#8 without its lines, of Ed25519, X25519, the curves of NIST, and RSA.
  "private key in base64":
    /\bM(?:C4CAQAwBQYDK2V[uw]BCIEI[A-Za-z0-9+/]{43}|[A-Za-z0-9+/]{3}AgEAMB[A-Z]GByqGSM49[A-Za-z0-9+/]{60,}|II[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAASC[A-Za-z0-9+/]{60,})/g,
  "enrolment token": /\bholdfast1\.[A-Za-z0-9_-]{80,}\.[0-9a-f]{8}\b/g,
  "token of a cloud or a code host":
    /\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,}|glpat-[A-Za-z0-9_-]{20}|npm_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{20,}|AIza[0-9A-Za-z_-]{35}|sk_live_[A-Za-z0-9]{20,})\b/g,
  "JSON web token": /\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}/g,
  "password in a URL":
    /\b[a-z][a-z0-9+]{2,15}:\/\/[A-Za-z0-9._%-]{1,64}:[A-Za-z0-9._%!*+-]{6,64}@[A-Za-z0-9[]/g,
  "login of a registry": /\b_(?:authToken|auth|password)\s*=\s*[A-Za-z0-9+/=-]{16,}/g,
  "password, written out":
    /(?:password|passphrase|secret|token|api_?key)["']?\s*[:=]\s*["'`](?=[^"'`]*[0-9])(?=[^"'`]*[A-Za-z])[A-Za-z0-9+/=_.!-]{16,}["'`]/gi,
};

/** Looked at by a person, who wrote down why it is none. */
export const KNOWN: Readonly<Record<string, string>> = {
  "570881429db76516": "canary of a test",
  b463dff50033a7e0: "made up, to be refused by a test",
  dbf9e5e1fcf09de1: "made up, to be refused by a test",
  e1c023d7f0136c63: "made up, to be refused by a test",
  "49e30cd83b4277c9": "example of the Standard Webhooks specification",
  "812b65138a6cbfe8": "made up, for pollers in tests",
  "3327656a83b93227": "made up, in an export that a test translates",
};

/** @param bytes of any kind: they are read as one character a byte */
export function secretsIn(bytes: Uint8Array): readonly Secret[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return Object.entries(LOOKS).flatMap(([kind, look]) =>
    [...text.matchAll(look)].map((match) => {
      const digest = createHash("sha256").update(match[0]).digest("hex").slice(0, 16);
      return { kind, at: match.index, digest };
    }),
  );
}

/** @param files from `root` @returns a line for each that is not known */
export function unknownSecrets(files: readonly string[], root: string): readonly string[] {
  return files.flatMap((file) =>
    secretsIn(readFileSync(join(root, file)))
      .filter(({ digest }) => !Object.hasOwn(KNOWN, digest))
      .map(({ kind, at, digest }) => `${file}: ${kind} at byte ${at} (${digest})`),
  );
}

/** What git keeps, or would keep if it were added. */
export function keptFiles(root: string): readonly string[] {
  const args = ["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const names = execFileSync("git", args, { encoding: "utf8", maxBuffer: 1 << 26 }).split("\0");
  return names.filter((name) => {
    const path = join(root, name);
    return name !== "" && existsSync(path) && statSync(path).isFile();
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(import.meta.dirname, "..");
  const named = process.argv.slice(2);
  const files = named.length === 0 ? keptFiles(root) : named;
  const found = unknownSecrets(files, named.length === 0 ? root : "");
  for (const line of found) console.log(line);
  console.log(`${files.length} files searched, ${found.length} secrets found`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
