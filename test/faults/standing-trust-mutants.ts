/**
 * Defects in what trust is worth later: a yes after its key was withdrawn, a tenant's documents after another enrolment,
 * the audit under a clock that somebody sets, a nonce that a thief asks for (07 1.5, 1.6, 2.8; 08 6).
 *
 * @module
 */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const TAKERS = "agent/configuration/takers.ts";
const CONFIGURATION = "agent/configuration/configuration.ts";
const LEDGER = "agent/configuration/ledger.ts";
const UPKEEP = "agent/audit/audit-upkeep.ts";
const AUDIT = "agent/audit/audit.ts";
const CUT = "agent/audit/cut.ts";
const RENEWAL = "receiver/identity/renewal.ts";

const WITHDRAWN = "test/agent/configuration/withdrawn-approval.test.ts";
const TENANT = "test/agent/configuration/other-tenant.test.ts";
const AUDIT_UPKEEP = "test/agent/audit/audit-upkeep.test.ts";
const STEPS = "test/receiver/renewal-steps.test.ts";

export const STANDING_TRUST_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "approval: a key that was withdrawn has said yes for ever",
    TAKERS,
    ["return signers.size >= Math.max(1, hospital.threshold);", "return signers.size >= 0;"],
    [WITHDRAWN, "taken away since"],
  ),
  oneEdit(
    "approval: the yes of another mode counts",
    TAKERS,
    [
      'if (need !== "signed") return need === "none"',
      'if (need !== "none") return need !== "none"',
    ],
    [WITHDRAWN, "where documents are asked for"],
  ),
  oneEdit(
    "approval: nothing is counted again at a start",
    CONFIGURATION,
    ["      await this.#takers.recountApprovals();\n", ""],
    [WITHDRAWN, "taken away since"],
  ),
  oneEdit(
    "tenant: the trust document of another one is in force",
    LEDGER,
    ["const isOurs = found?.tenant === tenant;", "const isOurs = found !== undefined;"],
    [TENANT, "is not in force"],
  ),
  oneEdit(
    "tenant: the marks of another one are a floor",
    CONFIGURATION,
    ["    await keeper.beginAnew();\n", ""],
    [TENANT, "is not in force"],
  ),
  oneEdit(
    "tenant: a store that was put back lowers the marks",
    CONFIGURATION,
    ["(keeper.frozen !== undefined && !enrolment.isNew())", "keeper.frozen === null"],
    [TENANT, "put back"],
  ),
  oneEdit(
    "audit: a clock that was put ahead takes all of it",
    UPKEEP,
    ["Math.min(oldMs, first.atMs + CUT_MAX_MS)", "oldMs"],
    [AUDIT_UPKEEP, "years ahead"],
  ),
  oneEdit(
    "audit: it is cut while the clock is known to be wrong",
    UPKEEP,
    ["if (wrong !== undefined) {", "if (wrong === null) {"],
    [AUDIT_UPKEEP, "known to be wrong"],
  ),
  oneEdit(
    "audit: each start cuts",
    UPKEEP,
    ["return sinceMs >= DAY_MS;", "return sinceMs >= 0;"],
    [AUDIT_UPKEEP, "over restarts"],
  ),
  oneEdit(
    "audit: anybody's cut is signed anew",
    CUT,
    ["const cut = signedBy(former, bytes);", "const cut = readCut(bytes, () => true);"],
    [AUDIT_UPKEEP, "of nobody else"],
  ),
  oneEdit(
    "audit: what is only counted is shown unrecorded",
    AUDIT,
    ["if (!(await this.note([draft]))) await this.#mustBeWritable();", "await this.note([draft]);"],
    ["test/agent/audit/audit.test.ts", "only be counted"],
  ),
  oneEdit(
    "N2 a bad signature uses the nonce up",
    RENEWAL,
    [
      'if (!isProven) return { kind: "refused", reason: "SIGNATURE" };',
      'if (!isProven) return refused("SIGNATURE");',
    ],
    [STEPS, "has signed"],
  ),
  oneEdit(
    "N2 a superseded certificate overwrites the nonce",
    RENEWAL,
    ["(one) => one.serialHex !== serialHex && own.includes(one.serialHex),", "() => false,"],
    [STEPS, "overwrites none"],
  ),
];
