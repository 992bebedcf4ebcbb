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
  /** An object of strings as JSON, each character a byte; empty where there is nothing to say of it. */
  readonly attributes: string;
  readonly charsetMismatch: boolean;
}

/** @param batch what it came in; `undefined` for a message alone in its block */
export function describe(item: Item, rules: ChannelRules, batch: Batch | undefined): Described {
  const { msh, scan } = item;
  if (isPlain(item, rules, batch)) return PLAIN;
  const found: Record<string, string> = {};
  const separator = msh?.field(2)[1];
  const declared = declaredCharset(msh?.field(CHARSET_FIELD) ?? EMPTY, separator);
  const verdict =
    scan === undefined ? undefined : judgeCharset({ declared, setting: rules.charset, scan });
  if (declared !== "") found["hl7.charset"] = declared;
  if (rules.charset !== undefined) found["hl7.channelCharset"] = rules.charset;
  if (verdict !== undefined) addDetected(found, verdict);
  const sequence = textOf(msh?.field(SEQUENCE_FIELD));
  if (/^-?\d{1,15}$/.test(sequence)) found["hl7.sequenceNumber"] = sequence;
  if (batch !== undefined) addBatch(found, batch, item);
  const attributes = Object.keys(found).length === 0 ? "" : JSON.stringify(found);
  return { attributes, charsetMismatch: verdict?.mismatch ?? false };
}

const PLAIN: Described = { attributes: "", charsetMismatch: false };

/** ASCII that nobody declares otherwise needs no words: it is most of the traffic. */
function isPlain({ msh, scan }: Item, rules: ChannelRules, batch: Batch | undefined): boolean {
  if (batch !== undefined || rules.charset !== undefined || scan?.ascii !== true) return false;
  return (msh?.field(CHARSET_FIELD).length ?? 0) + (msh?.field(SEQUENCE_FIELD).length ?? 0) === 0;
}

function addDetected(found: Record<string, string>, { detected, errors }: CharsetVerdict): void {
  if (detected !== "ascii") found["hl7.encoding"] = detected;
  if (errors) found["hl7.decodingErrors"] = "1";
}

function addBatch(found: Record<string, string>, batch: Batch, item: Item): void {
  found["batch.sha256"] = Buffer.from(batch.sha256).toString("hex");
  found["batch.index"] = String(item.index);
  // For whoever looks for a bad one in the sender's file (04 P38).
  if (item.refusal !== undefined) found["batch.offset"] = String(item.start);
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
