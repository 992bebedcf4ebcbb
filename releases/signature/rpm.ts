/** The signature of an rpm, judged by `rpmkeys` with a database that has the publisher's key and no other. @module */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Publisher } from "../root.ts";
import { type Command, runTool } from "./tool.ts";
import type { Judged, SignatureVerdict } from "./verdict.ts";

const BY_HAND = "rpmkeys --import PUBLISHER.asc; rpmkeys --checksig --verbose FILE";

export async function judgeRpm(judged: Judged, publisher: Publisher): Promise<SignatureVerdict> {
  const database = join(judged.workFolder, "rpmdb");
  const key = join(judged.workFolder, "publisher.asc");
  await mkdir(database, { mode: 0o700 });
  await writeFile(key, publisher.openpgp.armoured);
  const rpmkeys: Command = ["rpmkeys", "--dbpath", database];
  const imported = await runTool([...rpmkeys, "--import", key]);
  if (imported === undefined) {
    return { kind: "unchecked", why: "rpmkeys is not installed", command: BY_HAND };
  }
  if (imported.status !== 0) {
    return { kind: "unchecked", why: "rpmkeys cannot read the publisher's key", command: BY_HAND };
  }
  // `all`: digests and a signature are needed; the default is content with digests.
  const level: readonly string[] = ["--define", "_pkgverify_level all"];
  const ran = await runTool([...rpmkeys, ...level, "--checksig", judged.path]);
  if (ran?.status !== 0 || !/: digests signatures OK$/m.test(ran.stdout)) {
    return { kind: "refused", why: "it is not signed by the publisher" };
  }
  return { kind: "verified", publisher: `OpenPGP ${publisher.openpgp.fingerprints.join(" or ")}` };
}
