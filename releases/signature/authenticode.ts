/**
 * Authenticode, where `osslsigncode` is. On Windows itself the check is by hand until it has been run there.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Publisher } from "../root.ts";
import { runTool } from "./tool.ts";
import type { Judged, SignatureVerdict } from "./verdict.ts";

const BY_HAND =
  "PowerShell: Get-AuthenticodeSignature FILE | Format-List Status, SignerCertificate";

export async function judgeAuthenticode(
  judged: Judged,
  { authenticode }: Publisher,
): Promise<SignatureVerdict> {
  const cas = join(judged.workFolder, "cas.pem");
  await writeFile(cas, authenticode.cas);
  const ran = await runTool([
    ...(["osslsigncode", "verify", "-CAfile", cas, "-TSA-CAfile", cas] as const),
    ...["-in", judged.path],
  ]);
  if (ran === undefined) {
    return { kind: "unchecked", why: "osslsigncode is not installed", command: BY_HAND };
  }
  if (ran.status !== 0 || !/^Signature verification: ok$/m.test(ran.stdout)) {
    return { kind: "refused", why: "it is not signed by anybody whom the compiled-in CAs know" };
  }
  const subject = signerOf(ran.stdout);
  if (subject !== authenticode.subject) {
    return { kind: "refused", why: `it is signed by ${subject}, who is not the publisher` };
  }
  return { kind: "verified", publisher: subject };
}

/** The first certificate is the signer's own; those of its CAs follow. */
function signerOf(text: string): string {
  return /^\s*Signer #0:\n\s*Subject: (?<subject>.*)$/m.exec(text)?.groups?.["subject"] ?? "nobody";
}
