/**
 * Each condition of envelopes, removed in turn (07 V1, V3 to V6).
 *
 * @module
 */
import { abuse, inTests, mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const kernel = (only: string): NamedTests => inTests("verify", only);

export const ENVELOPE_MUTANTS: readonly Mutant[] = [
  mutant(
    "V1 any length",
    "envelope",
    ['if (bytes.length > ENVELOPE_MAX_BYTES) return refused("TOO_LARGE", "V1");', ""],
    kernel("one byte more"),
    abuse("10 MB"),
  ),
  mutant(
    "V1 one byte too few",
    "envelope",
    ["bytes.length > ENVELOPE_MAX_BYTES", "bytes.length >= ENVELOPE_MAX_BYTES"],
    kernel("exactly 2 MB"),
  ),
  mutant(
    "V3 members that are not known",
    "envelope",
    ['if (!hasOnly(json.value, MEMBERS)) return refused("MALFORMED", "V3", "unknown-member");', ""],
    kernel("another member"),
  ),
  mutant(
    "V4 any payload type",
    "envelope",
    [
      'if (json.value["payloadType"] !== payloadTypeOf(type)) return refused("WRONG_TYPE", "V4");',
      "",
    ],
    kernel("V4"),
    abuse("U14"),
  ),
  mutant(
    "V5 a payload that is no text",
    "envelope",
    [
      'if (typeof value !== "string") return refused("MALFORMED", "V5");',
      'if (typeof value !== "string") return new Uint8Array();',
    ],
    kernel("no text"),
    kernel("no payload:"),
  ),
  mutant(
    "V5 base64 is decoded before its length is looked at",
    "envelope",
    ['if (value.length > base64Length(most)) return refused("TOO_LARGE", "V5");', ""],
    kernel("whatever it is"),
  ),
  mutant(
    "V5 a limit of payloads is rounded up",
    "envelope",
    ['payload.length > most ? refused("TOO_LARGE", "V5") : payload', "payload"],
    kernel("byte above"),
  ),
  mutant(
    "V5 a limit a byte short",
    "envelope",
    ["payload.length > most", "payload.length >= most"],
    kernel("at its limit"),
  ),
  mutant(
    "V5 base64 with any junk",
    "base64",
    ["readings.includes(text) ? new Uint8Array(bytes) : undefined", "new Uint8Array(bytes)"],
    inTests("base64", "V5"),
    kernel("junk"),
    abuse("junk"),
  ),
  mutant(
    "V5 one alphabet",
    "base64",
    ["const readings = [standard, urlSafe, ", "const readings = [standard, "],
    inTests("base64", "is read"),
  ),
  mutant("V6 no signatures", "envelope", [" || value.length === 0", ""], kernel("none:")),
  mutant(
    "V6 any number of signatures",
    "envelope",
    ["if (value.length > SIGNATURES_MAX_COUNT) return undefined;", ""],
    kernel("17"),
    abuse("17 signatures"),
  ),
  mutant(
    "V6 15 signatures",
    "envelope",
    ["value.length > SIGNATURES_MAX_COUNT", "value.length >= SIGNATURES_MAX_COUNT"],
    kernel("16"),
  ),
  mutant(
    "V6 broken signatures are passed over",
    "envelope",
    [
      "signatures.every((signature) => signature !== undefined) ? signatures : undefined",
      "signatures.filter((signature) => signature !== undefined)",
    ],
    kernel("V6"),
  ),
  mutant(
    "V6 a signature with more members",
    "envelope",
    [' || !hasOnly(value, ["keyid", "sig"])', ""],
    kernel("member more"),
  ),
  mutant(
    "V6 any key id",
    "envelope",
    [" || !/^[0-9a-f]{64}$/.test(keyid)", ""],
    kernel("key id in capitals"),
    abuse("constructor"),
  ),
  mutant(
    "V6 a signature of any length",
    "envelope",
    ["signature?.length === SIGNATURE_BYTES", "signature !== undefined"],
    kernel("63 bytes"),
  ),
];
