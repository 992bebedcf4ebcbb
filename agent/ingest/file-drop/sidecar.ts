/**
 * What a side-car says of its file (04 P44), as JSON that travels with it.
 *
 * A side-car comes from whoever may write into the folder. What it says is passed on as data and never acted
 * upon: it chooses no channel, destination or path, and nothing in it becomes a part of a name.
 *
 * JSON: an object of texts under these keys, all optional, and no others:
 *
 * - `documentType`, `mediaType` (`type/subtype`), `title`, `description`, `author`, `createdAt`;
 * - `patientId`, `visitId`, `orderId`, `controlId`;
 * - `attributes`: an object of at most ten texts under names of the sender's own.
 *
 * HL7: the first message of the side-car, as text; whole segments, as many as there is room for.
 *
 * @module
 */
import { SIDECAR_MAX_BYTES, SIDECAR_METADATA_MAX_BYTES } from "../../limits.ts";
import { declaredCharset, textView } from "../hl7/charset.ts";
import { BoundaryScan, filePartsOf } from "../hl7/message-splitter.ts";
import { readMsh } from "../hl7/msh.ts";
import { asciiJson } from "./ascii-json.ts";
import { FlatJson, type FlatJsonFault } from "./flat-json.ts";

/** Why a side-car is refused; the whole unit goes to the error folder. */
export type SidecarFault =
  | FlatJsonFault
  /** Above 64 KiB, or more than can travel with a message. */
  | "tooLarge"
  | "notUtf8"
  | "unknownKey"
  /** More attributes than ten. */
  | "tooManyAttributes"
  | "mediaType"
  /** No HL7 message. */
  | "noHeader";

export type Sidecar =
  | {
      readonly kind: "metadata";
      /** A JSON object in ASCII: `sidecar`, an object, or `hl7`, a text, and `hl7Cut` where that is not all. */
      readonly metadata: string;
      /** Of the file, if the side-car names it. */
      readonly mediaType: string | undefined;
    }
  | { readonly kind: "refused"; readonly fault: SidecarFault };

const KEYS = [
  "documentType",
  "mediaType",
  "title",
  "description",
  "author",
  "createdAt",
  "patientId",
  "visitId",
  "orderId",
  "controlId",
] as const;
const ATTRIBUTES_KEY = "attributes";
const ATTRIBUTES_MAX_COUNT = 10;
const ATTRIBUTE_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
/** RFC 6838 §4.2. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}$/;
const CHARSET_FIELD = 18;
const EMPTY = new Uint8Array(0);
const QUOTES = 2;

const refused = (fault: SidecarFault): Sidecar => ({ kind: "refused", fault });

export function jsonSidecar(bytes: Uint8Array): Sidecar {
  if (bytes.length > SIDECAR_MAX_BYTES) return refused("tooLarge");
  const text = utf8(bytes);
  if (text === undefined) return refused("notUtf8");
  const texts = new Map<string, string>();
  const attributes = new Map<string, string>();
  const json = new FlatJson(text);
  const fault = json.object((key) => {
    if (key !== ATTRIBUTES_KEY) return isKey(key) ? json.text(key, texts) : "unknownKey";
    return json.object((name) => {
      if (!ATTRIBUTE_NAME.test(name)) return "unknownKey";
      return attributes.size < ATTRIBUTES_MAX_COUNT
        ? json.text(name, attributes)
        : "tooManyAttributes";
    });
  });
  if (fault !== undefined || !json.isAtEnd) return refused(fault ?? "notTexts");
  const mediaType = texts.get("mediaType");
  if (mediaType !== undefined && !MEDIA_TYPE.test(mediaType)) return refused("mediaType");
  const more = attributes.size === 0 ? {} : { attributes: Object.fromEntries(attributes) };
  const metadata = asciiJson({ sidecar: { ...Object.fromEntries(texts), ...more } });
  if (metadata.length > SIDECAR_METADATA_MAX_BYTES) return refused("tooLarge");
  return { kind: "metadata", metadata, mediaType };
}

/** @param charset channel key `charset` */
export function hl7Sidecar(
  bytes: Uint8Array,
  {
    charset,
    fallbackCharset,
  }: { readonly charset: string | undefined; readonly fallbackCharset: string },
): Sidecar {
  if (bytes.length > SIDECAR_MAX_BYTES) return refused("tooLarge");
  const parts = filePartsOf(new BoundaryScan("file").finish(bytes), bytes.length);
  const first = parts.find(({ kind }) => kind === "message");
  if (first === undefined) return refused("noHeader");
  const message = bytes.subarray(first.start, first.start + first.length);
  const reading = readMsh(message);
  const msh = reading.kind === "batch" ? undefined : reading.msh;
  const [, repetition] = msh?.field(2) ?? [];
  const declared = declaredCharset(msh?.field(CHARSET_FIELD) ?? EMPTY, repetition);
  const { text } = textView(message, { charset, declared, fallbackCharset });
  const kept = segmentsThatFit(text);
  if (kept === "") return refused("tooLarge");
  const cut = kept.length < text.length ? { hl7Cut: true } : {};
  return { kind: "metadata", metadata: asciiJson({ hl7: kept, ...cut }), mediaType: undefined };
}

function segmentsThatFit(text: string): string {
  const room = SIDECAR_METADATA_MAX_BYTES - asciiJson({ hl7: "", hl7Cut: true }).length;
  let kept = "";
  let taken = 0;
  for (const segment of text.split(/(?<=[\r\n])/)) {
    taken += asciiJson(segment).length - QUOTES;
    if (taken > room) return kept;
    kept += segment;
  }
  return kept;
}

const KNOWN: readonly string[] = KEYS;
const isKey = (key: string): boolean => KNOWN.includes(key);

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
