/**
 * What travels with a message besides its bytes: how it declares them, and which batch or file it came in (03
 * X1, D5; 04 P36).
 *
 * @module
 */
import {
  FILE_ASIDE_ATTRIBUTES_MAX_COUNT,
  FILE_ATTRIBUTES_MAX_BYTES,
  FILE_ATTRIBUTES_MAX_COUNT,
  FILE_ATTRIBUTES_TOTAL_MAX_BYTES,
} from "../limits.ts";
import type { ChannelRules } from "./channel.ts";
import type { Batch, Item } from "./examine.ts";
import { type CharsetVerdict, declaredCharset, judgeCharset } from "./hl7/charset.ts";

const SEQUENCE_FIELD = 13;
const CHARSET_FIELD = 18;
/** Of one attribute in CBOR, besides its name and its value: their lengths. */
const ATTRIBUTE_OVERHEAD_BYTES = 6;

export interface Described {
  /** An object of strings as JSON, each character a byte; empty where there is nothing to say of it. */
  readonly attributes: string;
  readonly charsetMismatch: boolean;
}

type Found = Record<string, string>;

/** @param batch what it came in; `undefined` for a message alone in its block */
export function describe(item: Item, rules: ChannelRules, batch: Batch | undefined): Described {
  if (batch === undefined && isPlain(item, rules)) return PLAIN;
  const found: Found = {};
  const charsetMismatch = addOwn(found, item, rules);
  if (batch !== undefined) addBatch(found, batch, item);
  const attributes = Object.keys(found).length === 0 ? "" : JSON.stringify(found);
  return { attributes, charsetMismatch };
}

/**
 * The same for all messages of a file. What it has in common is written once: there may be a hundred
 * thousand of them.
 *
 * The wire has room for so many attributes. Where they are more, those that can be read from the message
 * itself are left out first.
 */
export class FileDescriber {
  readonly #rules: ChannelRules;
  readonly #isBatch: boolean;
  readonly #common: readonly (readonly [string, string])[];
  readonly #texts = new Map<number, string>();

  /** @param attributes of the file, the more important first @param batch `undefined` for a file that is one message */
  constructor(
    rules: ChannelRules,
    attributes: Readonly<Record<string, string>>,
    batch: Batch | undefined,
  ) {
    const found: Found = {};
    if (batch !== undefined) addCommon(found, batch);
    this.#rules = rules;
    this.#isBatch = batch !== undefined;
    this.#common = Object.entries({ ...found, ...attributes });
  }

  /** Whether what all have in common can travel with each of `count` messages. */
  fits(count: number): boolean {
    const bytes = this.#common.reduce(
      (sum, [name, value]) =>
        sum + name.length + Buffer.byteLength(value) + ATTRIBUTE_OVERHEAD_BYTES,
      0,
    );
    const storedBytes = this.#text(this.#common.length).length * count;
    return bytes <= FILE_ATTRIBUTES_MAX_BYTES && storedBytes <= FILE_ATTRIBUTES_TOTAL_MAX_BYTES;
  }

  describe(item: Item): Described {
    const most =
      item.refusal === undefined ? FILE_ATTRIBUTES_MAX_COUNT : FILE_ASIDE_ATTRIBUTES_MAX_COUNT;
    const found: Found = this.#isBatch ? placeOf(item) : {};
    const first = Object.keys(found).length;
    const own: Found = {};
    const speaks = item.scan !== undefined && !isPlain(item, this.#rules);
    const charsetMismatch = speaks && addOwn(own, item, this.#rules);
    const common = Math.min(this.#common.length, most - first);
    for (const [name, value] of Object.entries(own).slice(0, most - first - common)) {
      found[name] = value;
    }
    const text = JSON.stringify(found);
    const rest = this.#text(common);
    const comma = text === "{}" || rest === "" ? "" : ",";
    return { attributes: `${text.slice(0, -1)}${comma}${rest}}`, charsetMismatch };
  }

  /** The first `count` of what all have in common, without braces. */
  #text(count: number): string {
    const known = this.#texts.get(count);
    if (known !== undefined) return known;
    const text = JSON.stringify(Object.fromEntries(this.#common.slice(0, count))).slice(1, -1);
    this.#texts.set(count, text);
    return text;
  }
}

const PLAIN: Described = { attributes: "", charsetMismatch: false };

/** ASCII that nobody declares otherwise needs no words: it is most of the traffic. */
function isPlain({ msh, scan }: Item, rules: ChannelRules): boolean {
  if (rules.charset !== undefined || scan?.ascii !== true) return false;
  return (msh?.field(CHARSET_FIELD).length ?? 0) + (msh?.field(SEQUENCE_FIELD).length ?? 0) === 0;
}

/** @returns whether the bytes are not in the character set that is declared (03 X3) */
function addOwn(found: Found, { msh, scan }: Item, rules: ChannelRules): boolean {
  const separator = msh?.field(2)[1];
  const declared = declaredCharset(msh?.field(CHARSET_FIELD) ?? EMPTY, separator);
  const verdict =
    scan === undefined ? undefined : judgeCharset({ declared, setting: rules.charset, scan });
  if (rules.charset !== undefined) found["hl7.channelCharset"] = rules.charset;
  if (declared !== "") found["hl7.charset"] = declared;
  if (verdict !== undefined) addDetected(found, verdict);
  const sequence = textOf(msh?.field(SEQUENCE_FIELD));
  if (/^-?\d{1,15}$/.test(sequence)) found["hl7.sequenceNumber"] = sequence;
  return verdict?.mismatch ?? false;
}

function addDetected(found: Found, { detected, errors }: CharsetVerdict): void {
  if (detected !== "ascii") found["hl7.encoding"] = detected;
  if (errors) found["hl7.decodingErrors"] = "1";
}

function addBatch(found: Found, batch: Batch, item: Item): void {
  Object.assign(found, placeOf(item));
  addCommon(found, batch);
}

/** For whoever looks for a bad one in the sender's file its offset, too (04 P38). */
function placeOf({ index, start, refusal }: Item): Found {
  const place = { "batch.index": String(index) };
  return refusal === undefined ? place : { ...place, "batch.offset": String(start) };
}

function addCommon(found: Found, batch: Batch): void {
  found["batch.sha256"] = Buffer.from(batch.sha256).toString("hex");
  found["batch.count"] = String(batch.count);
  if (batch.envelope.length > 0) {
    const lines = batch.envelope.map(({ bytes }) => textOf(bytes).replace(/[\r\n]+$/, ""));
    found["batch.envelope"] = lines.join("\r");
  }
  if (batch.countMismatch) found["batch.countMismatch"] = "1";
}

const EMPTY = new Uint8Array(0);
const textOf = (bytes: Uint8Array | undefined): string =>
  Buffer.from(bytes ?? EMPTY).toString("latin1");
