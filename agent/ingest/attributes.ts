/**
 * What travels with a message besides its bytes: how it declares them, and which batch it came in (03 X1, D5; 04 P36).
 *
 * @module
 */
import type { ChannelRules } from "./channel.ts";
import type { Batch, Item } from "./examine.ts";
import { type CharsetVerdict, declaredCharset, judgeCharset } from "./hl7/charset.ts";

const SEQUENCE_FIELD = 13;
const CHARSET_FIELD = 18;

export interface Described {
  /** An object of strings as ASCII JSON; empty where there is nothing to say of it. */
  readonly attributes: string;
  readonly charsetMismatch: boolean;
}

/** @param batch what it came in, and `index` where in it; `undefined` for a message alone in its block */
export function describe(
  item: Item,
  rules: ChannelRules,
  batch: Batch | undefined,
  index: number,
): Described {
  const { msh, scan } = item;
  const found: Record<string, string> = {};
  const separator = msh?.field(2)[1];
  const declared = declaredCharset(msh?.field(CHARSET_FIELD) ?? EMPTY, separator);
  const verdict =
    scan === undefined ? undefined : judgeCharset({ declared, setting: rules.charset, scan });
  // Plain ASCII that nobody declares otherwise needs no words: it is most of the traffic.
  if (declared !== "") found["hl7.charset"] = declared;
  if (rules.charset !== undefined) found["hl7.channelCharset"] = rules.charset;
  if (verdict !== undefined) addDetected(found, verdict);
  const sequence = textOf(msh?.field(SEQUENCE_FIELD));
  if (/^-?\d{1,15}$/.test(sequence)) found["hl7.sequenceNumber"] = sequence;
  if (batch !== undefined) addBatch(found, batch, index);
  return { attributes: asciiJson(found), charsetMismatch: verdict?.mismatch ?? false };
}

function addDetected(found: Record<string, string>, { detected, errors }: CharsetVerdict): void {
  if (detected !== "ascii") found["hl7.encoding"] = detected;
  if (errors) found["hl7.decodingErrors"] = "1";
}

function addBatch(found: Record<string, string>, batch: Batch, index: number): void {
  found["batch.sha256"] = Buffer.from(batch.sha256).toString("hex");
  found["batch.index"] = String(index);
  found["batch.count"] = String(batch.count);
  if (batch.envelope.length > 0) {
    const lines = batch.envelope.map(({ bytes }) => textOf(bytes).replace(/[\r\n]+$/, ""));
    found["batch.envelope"] = lines.join("\r");
  }
  if (batch.countMismatch) found["batch.countMismatch"] = "1";
}

function asciiJson(found: Record<string, string>): string {
  if (Object.keys(found).length === 0) return "";
  return JSON.stringify(found).replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const EMPTY = new Uint8Array(0);
const textOf = (bytes: Uint8Array | undefined): string =>
  Buffer.from(bytes ?? EMPTY).toString("latin1");
