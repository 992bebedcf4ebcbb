/** Defects in whom the tunnel trusts, how a freeze ends, and what approvers may do, that the named tests must notice (07). @module */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const KEEPER = "agent/identity/keeper.ts";
const TRUST = "agent/identity/receiver-trust.ts";
const TUNNEL = "agent/tunnel/tunnel.ts";
const RECEIVER_TRUST = "test/agent/identity/receiver-trust.test.ts";
const DAMAGED = "test/agent/configuration/damaged-state.test.ts";
const DOOR = "test/agent/approver-door.test.ts";

export const ROTATION_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "rotation: a withdrawn CA ends nothing",
    KEEPER,
    ["return trustEffect(before, this.#held);", 'return "same";'],
    [RECEIVER_TRUST, "exactly what"],
  ),
  oneEdit(
    "rotation: any tenant says whom to trust",
    TRUST,
    ["document.tenant === identity.tenant", 'document.tenant !== ""'],
    [RECEIVER_TRUST, "another tenant"],
  ),
  oneEdit(
    "rotation: an older document counts again",
    TRUST,
    ["newest.version > versionOf(identity.trustChain)", "newest.version > 0"],
    [RECEIVER_TRUST, "without a newer"],
  ),
  oneEdit(
    "rotation: slots keep the old CAs",
    KEEPER,
    ["      store.named(now.slot).keepTrust(now);\n", "      store.named(now.slot);\n"],
    [RECEIVER_TRUST, "exactly what"],
  ),
  oneEdit(
    "rotation: a renewal goes on trusting a withdrawn CA",
    KEEPER,
    ["{ ...identity, receiverCaPem }, path", "{ receiverCaPem, ...identity }, path"],
    [RECEIVER_TRUST, "in the middle"],
  ),
  oneEdit(
    "rotation: the connection of a withdrawn CA goes on",
    TUNNEL,
    ["    session?.cut();\n", ""],
    ["test/agent/tunnel/tunnel.test.ts", "withdrawn ends"],
  ),
  oneEdit(
    "rotation: a dial that was given up is gone on with",
    TUNNEL,
    ["    dialling?.abort();\n", ""],
    ["test/agent/tunnel/tunnel.test.ts", "not gone on with"],
  ),
  oneEdit(
    "freeze: the chain that was here before cures it",
    "agent/configuration/takers.ts",
    ["mayCure && isHigher", "isHigher"],
    [DAMAGED, "cures nothing"],
  ),
  oneEdit(
    "freeze: an enrolment that is not in use ends it",
    "agent/marks/new-enrolment.ts",
    [
      'return readFileSync(fileIn(stateDir), "latin1") === lineOf(deviceKey);',
      'return readFileSync(fileIn(stateDir), "latin1") !== "";',
    ],
    [DAMAGED, "new enrolment ends it"],
  ),
  oneEdit(
    "freeze: an enrolment ends one that a repair ends",
    "agent/configuration/configuration.ts",
    [' && keeper.frozen === "allDamaged") {', " && keeper.frozen !== undefined) {"],
    [DAMAGED, "does not end"],
  ),
  oneEdit(
    "enrolment: a trust document may name a hospital key",
    "agent/identity/enrolment.ts",
    ["[...hospitalKeys, devicePublicKey]", "[devicePublicKey]"],
    ["test/agent/identity/enrolment.test.ts", "hospital key"],
  ),
  oneEdit(
    "approval: a vendor's key may be the hospital's",
    "agent/configuration/parts.ts",
    ["Object.hasOwn(vendors, keyId)", "keyId === vendors[keyId]"],
    ["test/agent/configuration/approval.test.ts", "U03"],
  ),
  oneEdit(
    "approvers: their socket lies where others can enter",
    "agent/host/approver-folder.ts",
    ["(mode & OTHERS_OR_GROUP_WRITES) !== 0", "(mode & OTHERS_OR_GROUP_WRITES) < 0"],
    [DOOR, "others can write"],
  ),
  oneEdit(
    "approvers: they may ask whatever they like",
    "agent/local-doors.ts",
    [" || !APPROVERS_MAY_ASK.includes(ask)", ""],
    [DOOR, "ask nothing else"],
  ),
  oneEdit(
    "key: a new one is made beside what is sealed",
    "agent/sealing/kek.ts",
    ["found.some((one) => !one.isDirectory())", "found.length < 0"],
    ["test/agent/sealing/kek.test.ts", "never made"],
  ),
  oneEdit(
    "key: keys are wrapped by one that lies nowhere any more",
    "agent/sealing/rotate-kek.ts",
    ["realPathOf(next)", "realPathOf(file)"],
    ["test/agent/sealing/rotate-kek.test.ts", "opened elsewhere"],
  ),
];
