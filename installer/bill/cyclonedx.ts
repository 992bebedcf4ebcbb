/** A bill as CycloneDX 1.5 JSON (09 PK14). Equal bytes for equal bills: no chance, and the time of the commit. @module */
import { createHash } from "node:crypto";
import { type Bill, otherPurl, type Part } from "./part.ts";
import type { Release } from "./release.ts";

const TYPES: Readonly<Record<Part["kind"], string>> = {
  package: "library",
  "native code": "library",
  runtime: "platform",
};

/** @returns text that ends in a newline @see https://cyclonedx.org/docs/1.5/json/ */
export function cycloneDx(bill: Bill, release: Release): string {
  const ref = otherPurl(bill.program.name, release.version);
  const body = {
    metadata: {
      timestamp: release.time,
      tools: {
        components: [{ type: "application", name: "holdfast installer", version: release.version }],
      },
      component: {
        ...{ type: "application", "bom-ref": ref, name: bill.program.name, purl: ref },
        version: release.version,
        properties: [{ name: "holdfast:platform", value: bill.platform }],
      },
    },
    components: bill.parts.map(component),
    dependencies: [
      { ref, dependsOn: bill.direct },
      ...bill.parts.map(({ purl, needs }) => ({ ref: purl, dependsOn: needs })),
    ],
    compositions: [{ aggregate: "complete", assemblies: [ref] }],
  };
  const head = { bomFormat: "CycloneDX", specVersion: "1.5", serialNumber: serialOf(body) };
  return `${JSON.stringify({ ...head, version: 1, ...body }, undefined, 1)}\n`;
}

function component(part: Part): object {
  const [, group, name = part.name] = /^(@[^/]+)\/(.*)$/.exec(part.name) ?? [];
  const isExpression = part.licence.startsWith("LicenseRef-");
  return {
    ...{ type: TYPES[part.kind], "bom-ref": part.purl },
    ...(group === undefined ? {} : { group }),
    ...{ name, version: part.version },
    licenses: isExpression ? [{ expression: part.licence }] : [{ license: { id: part.licence } }],
    ...(part.hashes.length === 0
      ? {}
      : { hashes: part.hashes.map(({ algorithm: alg, hex: content }) => ({ alg, content })) }),
    ...(part.cpe === undefined ? {} : { cpe: part.cpe }),
    purl: part.purl,
    ...(part.declared === part.licence
      ? {}
      : { properties: [{ name: "holdfast:declaredLicence", value: part.declared }] }),
  };
}

/** As a UUID of version 8 (RFC 9562): made of what it names. */
function serialOf(body: object): string {
  const hex = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ];
  return `urn:uuid:${[...groups, hex.slice(20, 32)].join("-")}`;
}
