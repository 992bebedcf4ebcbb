/**
 * Defects in what drives signed configuration that the named tests must notice (07 2.4 to 2.13).
 *
 * @module
 */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const JUDGE = "agent/configuration/judge-config.ts";
const TAKERS = "agent/configuration/takers.ts";
const DRIVER = "agent/configuration/driver.ts";
const LEDGER = "agent/configuration/ledger.ts";
const ACTIONS = "agent/configuration/local-actions.ts";
const CONFIGURATION = "agent/configuration/configuration.ts";
const WATCH = "agent/configuration/probation-watch.ts";
const HEADS = "agent/configuration/head-conditions.ts";
const RECOVERY = "agent/configuration/recovery.ts";
const BODIES = "agent/configuration/bodies.ts";
const LAST_GOOD = "agent/configuration/last-good-bundle.ts";
const READ_ONCE = "agent/host/read-once.ts";

const STEPS = "test/agent/configuration/config-steps.test.ts";
const APPROVAL = "test/agent/configuration/approval.test.ts";
const PROBATION = "test/agent/configuration/probation.test.ts";
const DAMAGED = "test/agent/configuration/damaged-state.test.ts";
const CRASHES = "test/agent/configuration/crash-points.test.ts";
const CARRIER = "test/agent/configuration/hostile-carrier.test.ts";
const WITHDRAWN = "test/agent/configuration/withdrawn-keys.test.ts";
const ONCE = "test/agent/host/read-once.test.ts";

export const CONFIGURATION_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "configuration: signed ones are taken where channels are the hospital's own",
    JUDGE,
    [
      '  if (question.configSource !== "signed") return refused("POLICY", "VC1", "configSource");\n',
      "",
    ],
    [STEPS, "own file"],
  ),
  oneEdit(
    "configuration: sequence, base, times and versions are not judged",
    JUDGE,
    ['  if (offered.kind === "refused") return offered;\n', ""],
    [STEPS, "VC10"],
  ),
  oneEdit(
    "configuration: the policy is not asked",
    JUDGE,
    ["  if (breaches.length > 0) {\n", "  if (breaches.length > 1_000) {\n"],
    [STEPS, "VC10"],
  ),
  oneEdit(
    "configuration: the class is computed as if nothing ran",
    JUDGE,
    ["differenceOf(question.effective, body)", "differenceOf(undefined, body)"],
    [APPROVAL, "standing approval"],
  ),
  oneEdit(
    "configuration: a trust document of an equal epoch ends a freeze",
    TAKERS,
    ["document.configEpoch > before.epoch && ", ""],
    [DAMAGED, "only a higher epoch"],
  ),
  oneEdit(
    "configuration: an approval counts whatever it is about, and when",
    TAKERS,
    ["      whatApprovalForbids(document, subject, ledger.time) ??\n", ""],
    [APPROVAL, "VA1"],
  ),
  oneEdit(
    "configuration: documents approve where one person at the machine must",
    TAKERS,
    ['approvalFor(policy.approval, waiting.risk) !== "signed"', "false"],
    [APPROVAL, "in mode local"],
  ),
  oneEdit(
    "configuration: an older or expired head is taken",
    TAKERS,
    ['    if (objection !== undefined) return refusedAs("head", objection, digest);\n', ""],
    [DAMAGED, "U30"],
  ),
  oneEdit(
    "configuration: refusals leave no entry",
    TAKERS,
    ['    if (outcome.kind === "refused") await this.#noteRefusal(outcome, actor);\n', ""],
    [STEPS, "VC10"],
  ),
  oneEdit(
    "configuration: effects before the state is durable",
    DRIVER,
    [
      "    if (!isSame || kept.document !== undefined || kept.trust !== undefined) {\n",
      "    await this.carryOut(next.effects);\n    if (!isSame || kept.document !== undefined || kept.trust !== undefined) {\n",
    ],
    [CRASHES, "U20"],
  ),
  oneEdit(
    "configuration: what preflight finds is not heard",
    DRIVER,
    ["    if (findings.length > 0) {\n", "    if (findings.length > 1_000) {\n"],
    [PROBATION, "U24"],
  ),
  oneEdit(
    "configuration: the policy is not asked again before it is tried",
    DRIVER,
    ["    if (breaches.length > 0) {\n", "    if (breaches.length > 1_000) {\n"],
    [PROBATION, "narrower"],
  ),
  oneEdit(
    "configuration: the policy is not asked again at a start",
    DRIVER,
    [
      "body === undefined || whatPolicyForbids(body, policy, places).length > 0;",
      "body === undefined;",
    ],
    [PROBATION, "narrower"],
  ),
  oneEdit(
    "configuration: what could not be recorded is forgotten",
    DRIVER,
    ["      this.#owed ??= { event };\n", ""],
    [CRASHES, "takes nothing"],
  ),
  oneEdit(
    "configuration: the marks name what is in probation",
    LEDGER,
    ["effectiveDigest: lastGood?.digest,", "effectiveDigest: effectiveOf(lifeCycle)?.digest,"],
    [DAMAGED, "probation of another"],
  ),
  oneEdit(
    "configuration: a person at the machine is a way around hospital keys",
    ACTIONS,
    ['      if (need !== "local" && ', '      if (need === "none" && '],
    [APPROVAL, "VA1"],
  ),
  oneEdit(
    "configuration: a repair needs no head",
    ACTIONS,
    [
      "      if (isState && !this.#knowsNewest(first))",
      "      if (isState && first.length > 1_000)",
    ],
    [DAMAGED, "a repair does"],
  ),
  oneEdit(
    "configuration: a repair is enough where nothing could be read",
    ACTIONS,
    [
      '    if (isState && keeper.frozen === "allDamaged")\n',
      "    if (isState && keeper.frozen === undefined)\n",
    ],
    [DAMAGED, "only a higher epoch"],
  ),
  oneEdit(
    "configuration: trust state that is not what it was is believed",
    CONFIGURATION,
    ["if (!(await this.#changeTenant())) await this.#recover();", "await this.#changeTenant();"],
    [DAMAGED, "U22"],
  ),
  oneEdit(
    "configuration: each stop counts as a crash",
    CONFIGURATION,
    [
      "    const values = new Map([[RUNS_VALUE, null]]);\n",
      "    const values = new Map<string, null>();\n",
    ],
    [PROBATION, "two crashes"],
  ),
  oneEdit(
    "configuration: a connection that is renewed takes it back",
    WATCH,
    ["const PATIENCE = 3;", "const PATIENCE = 1;"],
    [PROBATION, "for a moment"],
  ),
  oneEdit(
    "configuration: what goes wrong in probation is not looked at",
    WATCH,
    [
      "    const isCertain = faults.length > 0 &&",
      "    const isCertain = faults.length > 1_000 &&",
    ],
    [PROBATION, "U25"],
  ),
  oneEdit(
    "configuration: probation is over at the first look",
    WATCH,
    ["clock.monotonicMs() - this.#beganMs >= minutes * MINUTE_MS;", "minutes > 0;"],
    [PROBATION, "U23"],
  ),
  oneEdit(
    "configuration: the age of the last head is not looked at",
    HEADS,
    ["nowMs - sinceMs >= HEAD_MAX_AGE_DAYS * DAY_MS;", "nowMs < 0;"],
    [DAMAGED, "U30"],
  ),
  oneEdit(
    "configuration: a newer number that is held back is not told",
    HEADS,
    [
      "(one.epoch === epoch && one.seq > seqHigh)",
      "(one.epoch === epoch && one.seq > seqHigh + 1)",
    ],
    [DAMAGED, "U30"],
  ),
  oneEdit(
    "configuration: a lost store lowers the number",
    RECOVERY,
    ["    { epoch: floor.epoch, seqHigh: floor.seqHigh },\n", ""],
    [DAMAGED, "probation of another"],
  ),
  oneEdit(
    "configuration: what was put back is not frozen",
    RECOVERY,
    ['    freeze: "trustState",\n', "    freeze: undefined,\n"],
    [DAMAGED, "a repair does"],
  ),
  oneEdit(
    "configuration: a channel that the policy forbids stays open",
    BODIES,
    ["body.channels.filter((_, index) => !forbidden.has(index));", "body.channels;"],
    [PROBATION, "2.7"],
  ),
  oneEdit(
    "configuration: last-good is signed by keys that are withdrawn",
    LAST_GOOD,
    [
      "    if (newest === undefined || !isSignedUnder(newest, config, recipient)) continue;\n",
      "    if (newest === undefined) continue;\n",
    ],
    [DAMAGED, "withdrawn"],
  ),
  oneEdit(
    "configuration: last-good is believed unsigned",
    LAST_GOOD,
    [
      '  if (chain.kind === "broken" || newest === undefined) return undefined;\n',
      "  if (newest === undefined) return undefined;\n",
    ],
    [DAMAGED, "unusable"],
  ),
  oneEdit(
    "read once: a link is followed",
    READ_ONCE,
    ["O_RDONLY | O_NOFOLLOW | O_NONBLOCK", "O_RDONLY | O_NONBLOCK"],
    [ONCE, "U29"],
  ),
  oneEdit(
    "read once: what is no file is read",
    READ_ONCE,
    ['    if (!status.isFile()) throw unreadable("notRegular");\n', ""],
    [ONCE, "U29"],
  ),
  oneEdit(
    "read once: a file that turns out to be too large is taken",
    READ_ONCE,
    ['  if (at > maxBytes) throw unreadable("tooLarge");\n', ""],
    [ONCE, "U29"],
  ),
  oneEdit(
    "configuration: a yes is to whatever begins like what was read",
    ACTIONS,
    [
      "current.offer.digest === digest.toLowerCase();",
      "current.offer.digest.startsWith(digest.toLowerCase());",
    ],
    [CARRIER, "VC11"],
  ),
  oneEdit(
    "configuration: a head that is repeated is kept anew",
    TAKERS,
    ['    if ((await ledger.envelope("head", verified.digest)) !== undefined) return taken;\n', ""],
    [CARRIER, "VH3"],
  ),
  oneEdit(
    "configuration: one text signed by two people is kept once",
    TAKERS,
    ["digest: approvalName(verified), envelope", "digest: verified.digest, envelope"],
    [CARRIER, "VA4"],
  ),
  oneEdit(
    "configuration: a trust document that is older than the marks is believed",
    LEDGER,
    ["return (this.trust?.version ?? 0) >= this.#options.marks().trustVersion;", "return true;"],
    [WITHDRAWN, "U22"],
  ),
  oneEdit(
    "configuration: a chain that is taken up again lowers the mark",
    LEDGER,
    [
      "Math.max(trust.at(-1)?.document.version ?? 0, versionMark)",
      "trust.at(-1)?.document.version ?? versionMark",
    ],
    [WITHDRAWN, "VT7"],
  ),
];
