/**
 * Each condition of approvals, heads, commands, bundles and signing, removed in turn (07 VA, VH, VM2, 2.13).
 *
 * @module
 */
import { abuse, inTests, mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const rules = (only: string): NamedTests => inTests("rules", only);
const bundle = (only: string): NamedTests => inTests("bundle", only);
const signing = (only: string): NamedTests => inTests("sign", only);

const PEOPLE: readonly Mutant[] = [
  mutant(
    "VA1 approvals of anybody",
    "approval-rules",
    ["threshold: 1 };", "threshold: 0 };"],
    rules("VA1|VA2|VA3|VA4"),
  ),
  mutant(
    "VA2 of any configuration",
    "approval-rules",
    ['if (approval.subject !== subject) return refused("WRONG_RECIPIENT", "VA2", "subject");', ""],
    rules("VA2"),
    abuse("U05"),
  ),
  mutant(
    "VA2 a no is not heard",
    "approval-rules",
    [
      'if (valid.some(({ document }) => document.decision === "reject")) return { kind: "rejected" };',
      "",
    ],
    rules("VA2"),
  ),
  mutant(
    "VA3 expired approvals",
    "approval-rules",
    ['    whatExpired(approval.expires, time, "VA3") ?? ', "    "],
    rules("VA3"),
    abuse("U05"),
  ),
  mutant(
    "VA3 approvals from the future",
    "approval-rules",
    [' ?? whatIsFromFuture(approval.issuedAt, time, "VA3")', ""],
    rules("VA3"),
  ),
  mutant(
    "VA4 approvals are counted, not keys",
    "approval-rules",
    [
      "const signers = new Set<KeyId>(valid.flatMap((approval) => approval.signers));",
      "const signers = { size: valid.length };",
    ],
    rules("VA4"),
  ),
  mutant(
    "VA4 one key is enough",
    "approval-rules",
    ["signers.size < need", "signers.size < 1"],
    rules("VA4"),
  ),
  mutant(
    "VA4 a threshold of nothing",
    "approval-rules",
    ["Math.max(1, hospital.threshold)", "hospital.threshold"],
    rules("threshold of nothing"),
  ),
  mutant(
    "VA5 the earliest beginning",
    "approval-rules",
    ["Math.max(...times", "Math.min(...times"],
    rules("VA5"),
  ),
  mutant(
    "VA5 the latest end",
    "approval-rules",
    ["endMs: Math.min(", "endMs: Math.max("],
    rules("VA5"),
  ),
  mutant(
    "VH2 heads that have expired",
    "head-rules",
    ['    whatExpired(head.expires, time, "VH2") ??\n', ""],
    rules("VH2"),
  ),
  mutant(
    "VH2 heads from the future",
    "head-rules",
    ['    whatIsFromFuture(head.issuedAt, time, "VH2") ??\n', ""],
    rules("VH2"),
  ),
  mutant(
    "VH2 heads for ever",
    "head-rules",
    [' ??\n    whatLivesTooLong(head, HEAD_MAX_LIFETIME_MS, "VH2")', ""],
    rules("VH2"),
  ),
  mutant(
    "VH2 older heads",
    "head-rules",
    ['isOlder ? refused("ROLLBACK", "VH2") : undefined', "isOlder ? undefined : undefined"],
    rules("VH2"),
  ),
  mutant(
    "VM2 commands for ever",
    "command-rules",
    ['    whatLivesTooLong(command, COMMAND_MAX_LIFETIME_MS, "VM2") ??\n', ""],
    rules("VM2"),
  ),
  mutant(
    "VM2 commands that have expired",
    "command-rules",
    ['    whatExpired(command.expires, time, "VM2") ??\n', ""],
    rules("VM2"),
  ),
  mutant(
    "VM2 commands from the future",
    "command-rules",
    [' ??\n    whatIsFromFuture(command.issuedAt, time, "VM2")', ""],
    rules("VM2"),
  ),
];

const CARRIED: readonly Mutant[] = [
  mutant(
    "bundles of any size",
    "bundle",
    ['if (bytes.length > BUNDLE_MAX_BYTES) return refused("TOO_LARGE", "bundle");', ""],
    bundle("5 MB"),
  ),
  mutant(
    "bundles of any format",
    "bundle",
    ['if (value["format"] !== FORMAT) return refused("MALFORMED", "bundle", "format");', ""],
    bundle("another format"),
  ),
  mutant(
    "bundles with anything more",
    "bundle",
    [
      'if (unknown) return refused("MALFORMED", "bundle", "unknown-member");',
      'if (unknown && FORMAT === undefined) return refused("MALFORMED", "bundle");',
    ],
    bundle("not known"),
  ),
  mutant(
    "envelopes that are no objects",
    "bundle",
    [" || !value.every(isObject)", ""],
    bundle("no object|is text|a list"),
  ),
  mutant(
    "any signature is attached",
    "sign",
    [
      "key === undefined || !verify(null, bytesToSign(envelope), key, signature)",
      "key === undefined",
    ],
    signing("made elsewhere"),
  ),
  mutant(
    "who signs twice has signed twice",
    "sign",
    ["envelope.signatures.filter((other) => other.keyId !== keyId)", "envelope.signatures"],
    signing("twice"),
  ),
  mutant(
    "a 17th signature",
    "sign",
    ["if (others.length >= SIGNATURES_MAX_COUNT) throw", "if (others.length > 99) throw"],
    signing("17th"),
  ),
  mutant(
    "what no one would accept is signed",
    "sign",
    [
      'if (parsed.kind === "refused") throw',
      'if (parsed.kind === "refused" && bytes.length < 0) throw',
    ],
    signing("no one would accept"),
  ),
];

export const APPROVAL_MUTANTS: readonly Mutant[] = [...PEOPLE, ...CARRIED];
