/** Which verifier a package needs (W12). @module */
import type { PackageKind } from "../platforms.ts";
import type { Publisher } from "../root.ts";
import { judgeAuthenticode } from "./authenticode.ts";
import { judgeDeb } from "./deb.ts";
import { judgeRpm } from "./rpm.ts";
import type { Judged, SignatureVerdict } from "./verdict.ts";

/** @param judged a copy whose bytes are those of the metadata: verifiers are not shown anything else */
export async function judgeSignature(
  kind: PackageKind,
  judged: Judged,
  publisher: Publisher,
): Promise<SignatureVerdict> {
  switch (kind) {
    case "deb":
      return judgeDeb(judged, publisher);
    case "rpm":
      return judgeRpm(judged, publisher);
    case "msi":
    case "setup":
    case "pe":
      return judgeAuthenticode(judged, publisher);
    case "tar":
      return { ...NO_ROOM, why: "a tar archive carries no signature" };
    case "elf":
      return { ...NO_ROOM, why: "an executable of Linux carries no signature" };
  }
}

/** 09 PK16: what has no signature of its own is named by the file of checksums, which has. */
const NO_ROOM = {
  kind: "unchecked",
  command:
    "gpgv --keyring PUBLISHER.gpg SHA256SUMS.asc && sha256sum --check --ignore-missing SHA256SUMS.asc",
} as const;
