/**
 * What a name of a character set means: MSH-18, and the channel keys `charset` and `fallbackCharset` (03 X2).
 *
 * Left out on purpose, so read like a name nobody knows: UTF-16 and UTF-32, because a message whose MSH
 * could be read on bytes is in neither (03 F9); CNS 11643 and ISO IR159 (JIS X 0212), because no decoder
 * of the platform has them.
 *
 * Source: HL7 table 0211; the WHATWG Encoding Standard for the names on the left.
 *
 * @module
 */

/** The first name of each line is the one to recommend; what `keyOf` makes equal is listed once. */
const NAMES = {
  ascii: ["ASCII", "US-ASCII", "ISO IR6", "ISO646-US", "ANSI X3.4-1968"],
  "utf-8": ["UNICODE UTF-8", "UTF-8", "UNICODE", "ISO IR192", "CP65001"],
  // WHATWG has no ISO 8859-1 of its own, and that suits display: where they differ, 0x80 to 0x9F,
  // 8859/1 has control characters that no HL7 text means, and senders on Windows mean € and „“.
  "windows-1252": ["8859/1", "latin1", "ISO IR100", "windows-1252", "win1252", "CP1252", "ANSI"],
  "iso-8859-2": ["8859/2", "latin2", "ISO IR101"],
  "iso-8859-3": ["8859/3", "latin3", "ISO IR109"],
  "iso-8859-4": ["8859/4", "latin4", "ISO IR110"],
  "iso-8859-5": ["8859/5", "ISO IR144"],
  "iso-8859-6": ["8859/6", "ISO IR127"],
  "iso-8859-7": ["8859/7", "ISO IR126"],
  "iso-8859-8": ["8859/8", "ISO IR138"],
  // The same as for 8859/1: WHATWG reads 8859/9 as its Windows superset.
  "windows-1254": ["8859/9", "latin5", "ISO IR148", "windows-1254", "win1254", "CP1254"],
  "iso-8859-10": ["8859/10", "latin6"],
  "iso-8859-13": ["8859/13", "latin7"],
  "iso-8859-14": ["8859/14", "latin8"],
  "iso-8859-15": ["8859/15", "latin9"],
  "iso-8859-16": ["8859/16", "latin10"],
  "windows-874": ["8859/11", "TIS-620", "ISO IR166", "windows-874", "win874", "CP874"],
  "windows-1250": ["windows-1250", "win1250", "CP1250"],
  "windows-1251": ["windows-1251", "win1251", "CP1251"],
  "windows-1253": ["windows-1253", "win1253", "CP1253"],
  "windows-1255": ["windows-1255", "win1255", "CP1255"],
  "windows-1256": ["windows-1256", "win1256", "CP1256"],
  "windows-1257": ["windows-1257", "win1257", "CP1257"],
  "windows-1258": ["windows-1258", "win1258", "CP1258"],
  // JIS X 0201 is the one-byte half of Shift_JIS, but for ¥ and ‾, which show as \ and ~.
  shift_jis: ["ISO IR14", "ISO IR13", "JIS X 0201", "Shift_JIS", "SJIS", "windows-31j", "CP932"],
  // JIS X 0208 comes with the escape sequences of ISO 2022 (table 0211), so in 7-bit bytes.
  "iso-2022-jp": ["ISO IR87", "JIS X 0208", "JIS X 0202", "JAS2020", "ISO-2022-JP"],
  "euc-jp": ["EUC-JP"],
  gb18030: ["GB 18030-2000", "GB18030", "GBK", "GB2312", "CP936", "ISO IR58"],
  "euc-kr": ["KS X 1001", "EUC-KR", "KSC5601", "KS C 5601-1987", "CP949", "ISO IR149"],
  big5: ["BIG-5", "CP950"],
} as const satisfies Record<string, readonly string[]>;

/** `ascii`, or the WHATWG name of an encoding that `TextDecoder` has. */
export type Encoding = keyof typeof NAMES;

/** One name for each encoding, that of table 0211 where it has one: for messages and documents. */
export const CHARSET_NAMES: readonly string[] = Object.values(NAMES).map(([first]) => first);

const encodings = new Map<string, Encoding>();
for (const encoding of Object.keys(NAMES) as Encoding[]) {
  for (const name of NAMES[encoding]) encodings.set(keyOf(name), encoding);
}

/**
 * The encoding of a text whose character set has this name, in table 0211's spelling or a common other one.
 * Case, blanks and the signs `- _ / . :` do not count, nor does `ISO` before 8859.
 *
 * @returns `undefined` for an empty or unknown name, and for a set without a decoder
 */
export function encodingNamed(name: string): Encoding | undefined {
  return encodings.get(keyOf(name));
}

/** Whether configuration may name this character set: whatever `encodingNamed` understands. */
export function isCharsetName(name: string): boolean {
  return encodingNamed(name) !== undefined;
}

function keyOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\s\-_/.:]+/g, "")
    .replace(/^iso(?=8859)/, "");
}
