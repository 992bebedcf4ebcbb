/** The same bill as SPDX 2.3 JSON, for those whose tools read that. @module */
import { createHash } from "node:crypto";
import { type Bill, otherPurl, type Part } from "./part.ts";
import type { Release } from "./release.ts";

const PURPOSES: Readonly<Record<Part["kind"], string>> = {
  package: "LIBRARY",
  "native code": "LIBRARY",
  runtime: "FRAMEWORK",
};
const NONE = "NOASSERTION";

/** @returns text that ends in a newline @see https://spdx.github.io/spdx-spec/v2.3/ */
export function spdx(bill: Bill, release: Release): string {
  const { program, platform, parts, direct } = bill;
  const root = "SPDXRef-Program";
  const purl = otherPurl(program.name, release.version);
  const relationships = [
    relation("SPDXRef-DOCUMENT", "DESCRIBES", root),
    ...parts.map((part) => relation(root, "CONTAINS", idOf(part.purl))),
    ...direct.map((needed) => relation(root, "DEPENDS_ON", idOf(needed))),
    ...parts.flatMap((part) =>
      part.needs.map((needed) => relation(idOf(part.purl), "DEPENDS_ON", idOf(needed))),
    ),
  ];
  const packages = [
    {
      ...{ SPDXID: root, name: program.name, versionInfo: release.version },
      ...{ downloadLocation: NONE, filesAnalyzed: false, primaryPackagePurpose: "APPLICATION" },
      ...{ licenseConcluded: NONE, licenseDeclared: NONE, copyrightText: NONE },
      externalRefs: [reference("PACKAGE-MANAGER", "purl", purl)],
    },
    ...parts.map(packageOf),
  ];
  const digest = createHash("sha256").update(JSON.stringify({ packages, relationships }));
  const document = {
    ...{ spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT" },
    name: `${program.name}-${release.version}-${platform}`,
    documentNamespace: `https://spdx.org/spdxdocs/${program.name}-${release.version}-${platform}-${digest.digest("hex")}`,
    creationInfo: {
      created: release.time,
      creators: [`Tool: holdfast-installer-${release.version}`],
    },
    packages,
    relationships,
    hasExtractedLicensingInfos: [
      {
        licenseId: "LicenseRef-public-domain",
        name: "public domain",
        extractedText: "Its makers have placed it in the public domain.",
      },
    ],
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

function packageOf(part: Part): object {
  return {
    ...{ SPDXID: idOf(part.purl), name: part.name, versionInfo: part.version },
    ...{ downloadLocation: NONE, filesAnalyzed: false, primaryPackagePurpose: PURPOSES[part.kind] },
    ...{ licenseConcluded: part.licence, licenseDeclared: part.declared, copyrightText: NONE },
    ...(part.hashes.length === 0
      ? {}
      : {
          checksums: part.hashes.map(({ algorithm, hex: checksumValue }) => ({
            ...{ algorithm: algorithm.replace("-", ""), checksumValue },
          })),
        }),
    externalRefs: [
      reference("PACKAGE-MANAGER", "purl", part.purl),
      ...(part.cpe === undefined ? [] : [reference("SECURITY", "cpe23Type", part.cpe)]),
    ],
  };
}

/** Letters, digits, dot and hyphen are all that an identifier may have; the digest keeps those apart that become the same. */
function idOf(purl: string): string {
  const digest = createHash("sha256").update(purl).digest("hex").slice(0, 8);
  return `SPDXRef-${purl.replace(/^pkg:/, "").replaceAll(/[^A-Za-z0-9.]+/g, "-")}-${digest}`;
}

const relation = (from: string, relationshipType: string, to: string): object => ({
  ...{ spdxElementId: from, relationshipType, relatedSpdxElement: to },
});

const reference = (referenceCategory: string, referenceType: string, locator: string): object => ({
  ...{ referenceCategory, referenceType, referenceLocator: locator },
});
