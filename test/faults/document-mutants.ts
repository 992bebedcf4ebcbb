/**
 * Each condition of signatures, keys and payloads, removed in turn (07 V7 to V10).
 *
 * @module
 */
import { abuse, inTests, mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const kernel = (only: string): NamedTests => inTests("verify", only);

export const DOCUMENT_MUTANTS: readonly Mutant[] = [
  mutant(
    "V7 no signature is verified",
    "verify",
    ["if (verify(null, message, key, signature)) ", ""],
    kernel("zeros"),
    abuse("U15"),
    abuse("S \\+ L"),
  ),
  mutant(
    "V7 the payload alone is signed",
    "pae",
    ['Buffer.concat([Buffer.from(prefix, "utf8"), payload])', "payload"],
    inTests("pae", "vector"),
    abuse("U14"),
  ),
  mutant(
    "V4 the type is not signed",
    "pae",
    ['Buffer.from(prefix, "utf8")', 'Buffer.from(prefix.replace(/ .* /, " "), "utf8")'],
    inTests("pae", "vector"),
    abuse("U14"),
  ),
  mutant(
    "V7 lengths are counted in characters",
    "pae",
    ['Buffer.byteLength(payloadType, "utf8")', "payloadType.length"],
    inTests("pae", "in bytes"),
  ),
  mutant(
    "V7 signatures are counted, not keys",
    "verify",
    [
      "new Set<KeyId>();",
      "{ list: [] as KeyId[], add(id: KeyId) { this.list.push(id); }, [Symbol.iterator]() { return this.list.values(); } };",
    ],
    abuse("U02"),
  ),
  mutant(
    "V7 key ids are counted, not keys",
    "verify",
    ["signers.add(keyIdOf(raw))", "signers.add(keyId)"],
    kernel("under two ids"),
    abuse("U02"),
  ),
  mutant(
    "V7 any key of a role, whatever the id",
    "verify",
    ["keys.get(keyId)", "(keys.get(keyId) ?? [...keys.values()][0])"],
    kernel("unknown id"),
  ),
  mutant(
    "V8 any number of signatures is enough",
    "verify",
    [" && signers.length >= threshold", ""],
    kernel("one of two"),
    abuse("U01"),
  ),
  mutant(
    "V8 one signature too many is asked for",
    "verify",
    ["signers.length >= threshold", "signers.length > threshold"],
    kernel("a good document"),
  ),
  mutant(
    "V8 a threshold of nothing",
    "verify",
    ["threshold >= 1 && ", ""],
    kernel("threshold of nothing"),
  ),
  mutant(
    "V8 signatures of nobody",
    "verify",
    ["if (!isThresholdMet(signers, role))", "if (signers.length === -1)"],
    abuse("U01"),
    abuse("U04"),
  ),
  mutant(
    "V9 a payload is read generously",
    "payload",
    [
      "readStrictJson(payload)",
      '({ kind: "object", value: JSON.parse(Buffer.from(payload).toString()) }) as ReturnType<typeof readStrictJson>',
    ],
    kernel("field twice"),
    abuse("__proto__,"),
  ),
  mutant(
    "V10 any tenant",
    "verify",
    ["if (document.tenant !== recipient.tenant) return false;", ""],
    kernel("another tenant"),
    abuse("U07"),
  ),
  mutant(
    "V10 any agent",
    "verify",
    ["return document.agent === undefined || document.agent === recipient.agent;", "return true;"],
    kernel("another agent"),
    abuse("U07"),
  ),
  mutant(
    "VT3 points of small order",
    "small-order",
    ['|| SMALL_ORDER_Y.includes(Buffer.from(y).toString("hex"))', ""],
    inTests("public-key", "small order"),
    inTests("trust-chain", "small order"),
  ),
  mutant(
    "VT3 encodings that are not canonical",
    "small-order",
    ["!isCanonical || ", ""],
    inTests("public-key", "not canonical"),
  ),
  mutant(
    "VT3 the sign of x makes another key",
    "small-order",
    [" & 0x7f", ""],
    inTests("public-key", "either sign"),
  ),
  mutant(
    "VT3 keys of any length",
    "public-key",
    ["raw.length !== KEY_BYTES || ", ""],
    inTests("public-key", "32 bytes"),
  ),
  mutant(
    "V9 any days",
    "time",
    [" && formatTime(ms) === text", ""],
    inTests("time", "exists"),
    kernel("day that is not"),
  ),
  mutant(
    "V9 any format of times",
    "time",
    ["if (!FORMAT.test(text)) return undefined;", ""],
    inTests("time", "exists"),
  ),
  mutant(
    "V9 fields that are not known",
    "types/config",
    ["z.strictObject", "z.looseObject"],
    kernel("config is read back"),
  ),
  mutant(
    "V9 any times",
    "types/fields",
    ["parseTime(text) !== undefined", "text.length > 0"],
    kernel("in another format"),
    abuse("U13"),
  ),
];
