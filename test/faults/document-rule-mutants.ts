/**
 * Each condition of time and of offers, removed in turn (07 2.5, VC2 to VC7).
 *
 * @module
 */
import { abuse, inTests, mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const rules = (only: string): NamedTests => inTests("rules", only);
const time = (only: string): NamedTests => inTests("time", only);

const TIME: readonly Mutant[] = [
  mutant(
    "2.5 no floor",
    "time",
    ["return Math.max(clockMs, floorMs);", "return clockMs + 0 * floorMs;"],
    time("or the floor"),
    abuse("U13"),
  ),
  mutant(
    "2.5 the floor rises to any time",
    "time",
    ["Math.min(issuedAtMs, clockMs + CLOCK_TOLERANCE_MS)", "issuedAtMs + 0 * clockMs"],
    time("never above"),
  ),
  mutant(
    "2.5 the floor falls",
    "time",
    ["Math.max(floorMs, Math.min(", "Math.max(0 * floorMs, Math.min("],
    time("never falls"),
  ),
  mutant(
    "2.5 any clock is believed",
    "time",
    ['isClockSuspect(time) ? "clock-suspect" : undefined', "undefined"],
    time("names the clock"),
  ),
  mutant(
    "2.5 a clock that is right is suspect",
    "time",
    ["clockMs < floorMs - CLOCK_TOLERANCE_MS", "clockMs < floorMs"],
    time("suspect"),
  ),
  mutant(
    "2.5 nothing expires",
    "time",
    ["ends <= nowOf(time) ?", "ends < 0 ?"],
    time("expired"),
    abuse("U13"),
  ),
  mutant(
    "2.5 a millisecond too long",
    "time",
    ["ends <= nowOf(time)", "ends < nowOf(time)"],
    time("expired"),
  ),
  mutant(
    "2.5 the future is now",
    "time",
    ["issuedAtMs > time.clockMs + CLOCK_TOLERANCE_MS", "issuedAtMs < 0"],
    time("issued up to"),
    abuse("U13"),
  ),
  mutant(
    "2.5 the floor is a clock",
    "time",
    [
      "issuedAtMs > time.clockMs + CLOCK_TOLERANCE_MS",
      "issuedAtMs > nowOf(time) + CLOCK_TOLERANCE_MS",
    ],
    time("issued up to"),
  ),
  mutant("2.5 any lifetime", "time", [" && lifetimeMs <= mostMs", ""], time("lifetime")),
  mutant("2.5 lifetimes of nothing", "time", ["lifetimeMs > 0 && ", ""], time("lifetime")),
];

const OFFERS: readonly Mutant[] = [
  mutant(
    "VC2 frozen or not",
    "config-rules",
    ['if (standing.isFrozen) return refused("FROZEN", "VC2");', ""],
    rules("VC2"),
  ),
  mutant(
    "VC3 any epoch",
    "config-rules",
    ['if (config.epoch !== standing.configEpoch) return refused("EPOCH", "VC3");', ""],
    rules("VC3"),
    abuse("U11"),
  ),
  mutant(
    "VC3 any newer epoch",
    "config-rules",
    ["config.epoch !== standing.configEpoch", "config.epoch < standing.configEpoch"],
    rules("VC3"),
  ),
  mutant(
    "VC4 the sequence is not asked",
    "config-rules",
    [
      'if (sequence.kind === "refused") return sequence;',
      'if (sequence.kind === "refused") return { kind: "new" };',
    ],
    rules("VC4"),
    abuse("U08"),
  ),
  mutant(
    "VC4 older numbers",
    "config-rules",
    ["if (seq <= seqHigh) return", "if (seq === seqHigh) return"],
    rules("rises"),
    abuse("U08"),
  ),
  mutant(
    "VC4 the same number with other bytes",
    "config-rules",
    ["if (seq <= seqHigh) return", "if (seq < seqHigh) return"],
    rules("rises"),
    abuse("U08"),
  ),
  mutant(
    "VC4 only the number is compared",
    "config-rules",
    [" && newest?.digest === digest", " && newest !== undefined"],
    rules("rises"),
  ),
  mutant(
    "VC4 only the digest is compared",
    "config-rules",
    ["seq === seqHigh && newest?.digest", "newest?.digest"],
    rules("the same document again"),
  ),
  mutant(
    "VC4 any step",
    "config-rules",
    ['if (seq > seqHigh + SEQ_MAX_STEP) return refused("FAST_FORWARD", "VC4");', ""],
    rules("rises"),
    abuse("U10"),
  ),
  mutant(
    "VC4 a step too small",
    "config-rules",
    ["seq > seqHigh + SEQ_MAX_STEP", "seq >= seqHigh + SEQ_MAX_STEP"],
    rules("rises"),
  ),
  mutant(
    "VC4 what was rolled back runs again",
    "config-rules",
    ['    case "rolled-back":\n', '    case "rolled-back":\n      return { kind: "again" };\n'],
    rules("rolled-back"),
  ),
  mutant(
    "VC4 what preflight refused is burnt",
    "config-rules",
    ['return { kind: "again" };', 'return refused("BURNT", "VC4");'],
    rules("preflight-refused"),
  ),
  mutant(
    "VC5 any base",
    "config-rules",
    ["base === null ? isFirst : base === effectiveDigest", "base === null ? isFirst : true"],
    rules("VC5"),
    abuse("U12"),
  ),
  mutant(
    "VC5 null at any time",
    "config-rules",
    ["effectiveEpoch !== configEpoch", "effectiveEpoch !== -1 && configEpoch !== -1"],
    rules("saw what is in effect"),
    abuse("U12"),
  ),
  mutant(
    "VC5 null never",
    "config-rules",
    ["effectiveEpoch !== configEpoch", "effectiveEpoch === -1 || configEpoch === -1"],
    rules("of its epoch"),
    abuse("U10"),
  ),
  mutant(
    "VC6 offers that have expired",
    "config-rules",
    ['    whatExpired(expires, time, "VC6") ??\n', ""],
    rules("VC6"),
    abuse("U13"),
  ),
  mutant(
    "VC6 offers for ever",
    "config-rules",
    ['    whatLivesTooLong({ issuedAt, expires }, OFFER_MAX_LIFETIME_MS, "VC6") ??\n', ""],
    rules("VC6"),
  ),
  mutant(
    "VC6 offers from the future",
    "config-rules",
    [
      'OFFER_MAX_LIFETIME_MS, "VC6") ??\n    whatIsFromFuture(issuedAt, time, "VC6")',
      'OFFER_MAX_LIFETIME_MS, "VC6")',
    ],
    rules("VC6"),
    abuse("U13"),
  ),
  mutant(
    "VC7 older agents",
    "config-rules",
    ["!isUpTo(minAgent, ownVersion)", "!isUpTo(minAgent, minAgent)"],
    rules("VC7"),
  ),
  mutant(
    "VC7 newer agents",
    "config-rules",
    ["!isUpTo(ownVersion, maxAgent)", "!isUpTo(ownVersion, ownVersion)"],
    rules("VC7"),
  ),
  mutant(
    "VC7 any schema",
    "config-rules",
    ["knownSchemas.includes(schema) ?", "knownSchemas.length > 0 ?"],
    rules("VC7"),
  ),
  mutant(
    "VC7 versions as text",
    "config-rules",
    ['.split(".").map(Number)', '.split(".").map((part) => part.charCodeAt(0))'],
    rules("as numbers"),
  ),
];

export const DOCUMENT_RULE_MUTANTS: readonly Mutant[] = [...TIME, ...OFFERS];
