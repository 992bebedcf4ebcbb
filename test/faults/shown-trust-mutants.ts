/** Defects in what people are told of damaged or missing trust state, that the named tests must notice. */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const SLOTS = "certs/slots.ts";
const SLOTS_TEST = "test/certs/slots.test.ts";
const STOPPED = "agent/outbox/trust/stopped-audit.ts";
const STOPPED_TEST = "test/agent/cli/stopped-audit.test.ts";

export const SHOWN_TRUST_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "identity: whole slots of a lost list are swept",
    SLOTS,
    ["    if (this.isListLost) return;\n", ""],
    [SLOTS_TEST, "a lost slots.json"],
  ),
  oneEdit(
    "identity: a lost list is a machine that was never enrolled",
    SLOTS,
    [
      ".isComplete);\n  }\n\n  /** EN9: nothing",
      ".isComplete && false);\n  }\n\n  /** EN9: nothing",
    ],
    [SLOTS_TEST, "a lost slots.json"],
  ),
  oneEdit(
    "identity: keys without a certificate are a lost identity",
    SLOTS,
    ["slots.some((name) => new Slot(this.#folder, name).isComplete);", "slots.length > 0;"],
    [SLOTS_TEST, "has no whole slot"],
  ),
  oneEdit(
    "identity: show opens no slot",
    "agent/cli/identity.ts",
    ["    if (meta !== undefined && isKeyHere) slot.load();\n", ""],
    ["test/agent/cli/identity.test.ts", "says what run would end with"],
  ),
  oneEdit(
    "audit: whoever asks may open a stopped store",
    STOPPED,
    ["uid !== process.getuid()", "uid < 0"],
    [STOPPED_TEST, "another account"],
  ),
  oneEdit(
    "audit: a stopped agent's heads are held against no device key",
    "agent/cli/audit-source.ts",
    ["meta.devicePublicKey === null", "meta.devicePublicKey !== null"],
    [STOPPED_TEST, "SIGTERM"],
  ),
  oneEdit(
    "configuration: what the policy forbade stays an alarm",
    "agent/configuration/driver.ts",
    ["if (!now.has(channel))", "if (now.has(channel))"],
    ["test/agent/configuration/probation.test.ts", "07 2.7"],
  ),
];
