/**
 * What travels with each message of a file (04 P36, P43): the more important first.
 *
 * Within what the wire allows: see `FILE_ATTRIBUTES_MAX_BYTES`, which also has to hold the envelope.
 *
 * @module
 */
import { shownName } from "../../host/shown-name.ts";
import { NAME_METADATA_MAX_BYTES } from "../../limits.ts";
import { asciiJson } from "./ascii-json.ts";
import type { Sidecar } from "./sidecar.ts";

export interface FileFacts {
  readonly claim: string;
  readonly content: "hl7" | "binary";
  /** Relative to the drop folder, as bytes of the system. */
  readonly name: Uint8Array;
  readonly modifiedNs: bigint;
  /** What `namePattern` found. */
  readonly named: Readonly<Record<string, string>>;
  readonly sidecar: Extract<Sidecar, { kind: "metadata" }> | undefined;
}

/** By the end of the name, without case. What is in a file is never looked at (04 P42). */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  dcm: "application/dicom",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  gz: "application/gzip",
  htm: "text/html",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  pdf: "application/pdf",
  png: "image/png",
  rtf: "application/rtf",
  tif: "image/tiff",
  tiff: "image/tiff",
  txt: "text/plain",
  xml: "application/xml",
  zip: "application/zip",
};
const NS_PER_MS = 1_000_000n;
/** RFC 3339: the years 0000 to 9999. */
const TIME_MIN_MS = -62_167_219_200_000;
const TIME_MAX_MS = 253_402_300_799_999;

/**
 * - `file.name` as it is shown (`shownName`);
 * - of a binary file `file.type`, which is `file`, and `file.mediaType`, if the side-car or the end of the name
 *   says it;
 * - `file.metadata`, if there is any: a JSON object in ASCII with `name`, what `namePattern` found, and what the
 *   side-car says;
 * - `file.modifiedAt` (RFC 3339, by the clock of whoever wrote it) and `file.claim`.
 */
export function fileAttributes(facts: FileFacts): Readonly<Record<string, string>> {
  const { claim, content, name, modifiedNs, named, sidecar } = facts;
  const found: Record<string, string> = { "file.name": shownName(name) };
  if (content === "binary") {
    found["file.type"] = "file";
    const mediaType = sidecar?.mediaType ?? mediaTypeOf(name);
    if (mediaType !== undefined) found["file.mediaType"] = mediaType;
  }
  const metadata = [nameMetadata(named), sidecar?.metadata.slice(1, -1) ?? ""].filter(Boolean);
  if (metadata.length > 0) found["file.metadata"] = `{${metadata.join(",")}}`;
  const modifiedMs = Number(modifiedNs / NS_PER_MS);
  if (modifiedMs >= TIME_MIN_MS && modifiedMs <= TIME_MAX_MS) {
    found["file.modifiedAt"] = new Date(modifiedMs).toISOString();
  }
  found["file.claim"] = claim;
  return found;
}

/** A member of a JSON object, or nothing. Groups may overlap, so what they hold can be longer than the name: the first ones that fit. */
function nameMetadata(named: Readonly<Record<string, string>>): string {
  const fitting: [string, string][] = [];
  let metadata = "";
  for (const group of Object.entries(named)) {
    const more = asciiJson({ name: Object.fromEntries([...fitting, group]) }).slice(1, -1);
    if (more.length > NAME_METADATA_MAX_BYTES) continue;
    fitting.push(group);
    metadata = more;
  }
  return metadata;
}

function mediaTypeOf(name: Uint8Array): string | undefined {
  const [, ending = ""] = /\.([A-Za-z]{1,5})$/.exec(Buffer.from(name).toString("latin1")) ?? [];
  const known = ending.toLowerCase();
  return Object.hasOwn(MEDIA_TYPES, known) ? MEDIA_TYPES[known] : undefined;
}
