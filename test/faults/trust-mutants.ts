/**
 * Each condition of trust documents, removed in turn (07 VT1 to VT6).
 *
 * @module
 */
import { abuse, inTests, mutant } from "./document-mutant.ts";
import type { Mutant, NamedTests } from "./mutants.ts";

const chain = (only: string): NamedTests => inTests("trust-chain", only);

export const TRUST_MUTANTS: readonly Mutant[] = [
  mutant(
    "VT1 the anchor for ever",
    "trust-chain",
    ['stored === undefined ? step.anchor : roleOf(stored, "trust")', "step.anchor"],
    chain("anchor counts for nothing"),
  ),
  mutant(
    "VT1 the stored signatures are not asked",
    "trust-chain",
    [
      'if (verified.kind === "refused") return verified;',
      'if (verified.kind === "refused" && verified.step !== "V8") return verified;\n  if (verified.kind === "refused") return { kind: "accepted" } as never;',
    ],
    chain("satisfy the anchor"),
    abuse("U18"),
  ),
  mutant(
    "VT2 any version",
    "trust-chain",
    ["claims.version !== stored.version + 1", "claims.version === -1"],
    chain("VT2"),
    abuse("U18"),
  ),
  mutant(
    "VT2 any later version",
    "trust-chain",
    ["claims.version !== stored.version + 1", "claims.version <= stored.version"],
    chain("VT2"),
    abuse("U18"),
  ),
  mutant(
    "VT3 keys are not looked at",
    "trust-rules",
    [
      'if (raw === undefined) return refused("BAD_TRUST", "VT3", keyId);',
      "if (raw === undefined) continue;",
    ],
    chain("VT3"),
  ),
  mutant(
    "VT3 any id for a key",
    "trust-rules",
    ["keyId === undefined || keyIdOf(raw) === keyId ? raw : undefined", "raw"],
    chain("id of another key|two ids"),
  ),
  mutant(
    "VT3 keys in capitals",
    "trust-rules",
    ["if (!KEY_HEX.test(hex)) return undefined;", ""],
    chain("in capitals"),
  ),
  mutant(
    "VT3 unusable points",
    "trust-rules",
    ["if (ed25519FromRaw(raw) === undefined) return undefined;", ""],
    chain("small order"),
  ),
  mutant(
    "VT3 keys of the hospital",
    "trust-rules",
    ["forbiddenKeys.some((other) => isSameKey(other, raw))", "forbiddenKeys.length > 99"],
    chain("key of the hospital"),
    abuse("U32"),
  ),
  mutant(
    "VT3 only the first key of the hospital",
    "trust-rules",
    ["forbiddenKeys.some((other)", "forbiddenKeys.slice(0, 1).some((other)"],
    abuse("U32"),
  ),
  mutant(
    "VT4 a role may be absent",
    "trust-rules",
    ["!head || !command", "!head"],
    chain("no role command"),
  ),
  mutant(
    "VT4 any threshold",
    "trust-rules",
    ["threshold < THRESHOLD_MIN[role]", "threshold < -99"],
    chain("threshold"),
    abuse("U18"),
  ),
  mutant(
    "VT4 trust threshold 1",
    "trust-rules",
    ["  trust: 2,", "  trust: 1,"],
    chain("trust threshold 1"),
  ),
  mutant(
    "VT4 config threshold 1",
    "trust-rules",
    ["  config: 2,", "  config: 1,"],
    chain("config threshold 1"),
  ),
  mutant(
    "VT4 head threshold 0",
    "trust-rules",
    ["  head: 1,", "  head: 0,"],
    chain("head threshold 0"),
  ),
  mutant(
    "VT4 command threshold 0",
    "trust-rules",
    ["  command: 1,", "  command: -1,"],
    chain("command threshold -1"),
  ),
  mutant(
    "VT4 thresholds that cannot be met",
    "trust-rules",
    ["threshold > keyIds.length", "threshold > 99"],
    chain("above the number"),
  ),
  mutant(
    "VT4 keys that are not listed",
    "trust-rules",
    ["if (!Object.hasOwn(claims.keys, keyId))", "if (!(keyId in claims.keys))"],
    chain("key constructor"),
  ),
  mutant(
    "VT4 keys that are nowhere",
    "trust-rules",
    ["if (!Object.hasOwn(claims.keys, keyId))", 'if (keyId === "")'],
    chain("not listed"),
  ),
  mutant(
    "VT4 a key twice",
    "trust-rules",
    ["if (taken.has(keyId))", "if (taken.size < 0)"],
    chain("key twice|in two roles|trust key"),
    abuse("U18"),
  ),
  mutant(
    "VT4 a key in two roles",
    "trust-rules",
    [
      "  for (const role of TRUST_ROLES) {\n",
      "  for (const role of TRUST_ROLES) {\n    taken.clear();\n",
    ],
    chain("in two roles|trust key"),
  ),
  mutant(
    "VT5 the new role is not asked",
    "trust-chain",
    ['if (!isSignedByItself(envelope, document)) return refused("SIGNATURES", "VT5");', ""],
    chain("VT5"),
    abuse("U18"),
  ),
  mutant(
    "VT6 a lower epoch",
    "trust-chain",
    ["configEpoch < stored.configEpoch", "configEpoch < 0"],
    chain("VT6"),
    abuse("U18"),
  ),
  mutant(
    "VT6 each document begins an epoch",
    "trust-chain",
    ["stored === undefined || configEpoch > stored.configEpoch", "true"],
    chain("VT6"),
  ),
  mutant(
    "VT6 none begins one",
    "trust-chain",
    ["configEpoch > stored.configEpoch", "stored.version < 0"],
    chain("VT6"),
    abuse("U10"),
  ),
  mutant(
    "a chain goes on behind a gap",
    "trust-chain",
    [
      'if (step.kind === "refused") return { kind: "broken", index, refused: step, accepted };',
      'if (step.kind === "refused") continue;',
    ],
    chain("breaks off"),
    abuse("U19"),
  ),
  mutant(
    "old documents are passed over anywhere",
    "trust-chain",
    [
      "accepted.length === 0 && isPassedOver(envelope, start.stored)",
      "isPassedOver(envelope, accepted.at(-1)?.document ?? start.stored)",
    ],
    chain("breaks off"),
  ),
  mutant(
    "what is known breaks a chain off",
    "trust-chain",
    ["if (accepted.length === 0 && isPassedOver(envelope, start.stored)) continue;", ""],
    chain("passed over"),
    abuse("U19"),
  ),
];
