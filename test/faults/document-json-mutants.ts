/**
 * Each condition of strict JSON, removed in turn (07 V2, V3).
 *
 * @module
 */
import { abuse, inTests, mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const json = (only: string): NamedTests => inTests("strict-json", only);

export const STRICT_JSON_MUTANTS: readonly Mutant[] = [
  mutant(
    "V2 bytes that are no UTF-8 are replaced",
    "strict-json",
    ["fatal: true", "fatal: false"],
    json("no UTF-8"),
  ),
  mutant(
    "V2 a byte order mark is passed over",
    "strict-json",
    ["ignoreBOM: true", "ignoreBOM: false"],
    json("byte order mark"),
  ),
  mutant(
    "V3 any depth",
    "strict-json",
    ['if (open.length > JSON_MAX_DEPTH) surprise = "too-deep";', ""],
    json("33 levels"),
  ),
  mutant(
    "V3 one level too many",
    "strict-json",
    ["open.length > JSON_MAX_DEPTH", "open.length > JSON_MAX_DEPTH + 1"],
    json("33 levels"),
  ),
  mutant(
    "V3 one level too few",
    "strict-json",
    ["open.length > JSON_MAX_DEPTH", "open.length >= JSON_MAX_DEPTH"],
    json("32 levels"),
  ),
  mutant(
    "V3 a root that is no object",
    "strict-json",
    ["if (isObject(value)) return", "if (value !== undefined) return"],
    json("at the root"),
  ),
  mutant(
    "V3 an array for an object",
    "strict-json",
    [" && !Array.isArray(value)", ""],
    json("array at the root"),
  ),
  mutant(
    "V3 null for an object",
    "strict-json",
    [" && value !== null", ""],
    json("null at the root"),
  ),
  mutant(
    "V3 duplicate keys",
    "strict-json",
    ['if (object.keys.has(key)) return "duplicate-key";', ""],
    json("twice"),
    json("no key twice"),
    abuse("a duplicate key"),
  ),
  mutant(
    "V3 keys are only looked at after a brace",
    "strict-json",
    ["if (around) around.isKeyNext = true;", ""],
    json("twice"),
  ),
  mutant(
    "V3 a value counts as a key",
    "strict-json",
    ["  object.isKeyNext = false;\n", ""],
    json("name is also a value"),
  ),
  mutant(
    "V3 __proto__",
    "strict-json",
    ['if (key === "__proto__") return "proto-key";', ""],
    json("__proto__"),
    abuse("__proto__,"),
  ),
  mutant(
    "V3 escaped keys",
    "strict-json",
    ['if (isEscaped) return "escaped-key";', ""],
    json("escape"),
    json("V8 would read"),
  ),
  mutant(
    "V3 lone surrogates",
    "strict-json",
    ['value.isWellFormed() ? undefined : "lone-surrogate"', "undefined"],
    json("lone"),
    abuse("lone surrogate"),
  ),
  mutant(
    "V3 numbers that are not finite",
    "strict-json",
    ["return Number.isFinite(value) &&", "return value === value &&"],
    json("1e400"),
  ),
  mutant(
    "V9 integers that are not safe",
    "strict-json",
    ["(!Number.isInteger(value) || Number.isSafeInteger(value))", "true"],
    json("2\\^53"),
  ),
  mutant(
    "V3 numbers are not looked at",
    "strict-json",
    ['if (!isExact(Number(text.slice(at, end)))) surprise = "number-out-of-range";', ""],
    json("1e400"),
    json("2\\^53"),
  ),
  mutant(
    "V3 a quote behind a backslash ends a string",
    "strict-json",
    ["if ((at - escapes) % 2 === 0) return at + 1;", "if (at >= escapes) return at + 1;"],
    json("marks inside strings"),
  ),
  mutant(
    "V3 a quote behind a backslash never ends one",
    "strict-json",
    ["(at - escapes) % 2 === 0", "at === escapes"],
    json("marks inside strings"),
  ),
];
