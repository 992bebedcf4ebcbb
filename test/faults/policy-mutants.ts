/**
 * Defects in what signed configuration may say that the named tests must notice (07 2.7, 2.9; U26 to U28, U33).
 *
 * @module
 */
import type { Mutant } from "./mutants.ts";
import { oneEdit } from "./one-edit.ts";

const POLICY_CHECK = "config/policy-check.ts";
const OUTSIDE_POLICY_TEST = "test/abuse/outside-policy.test.ts";
const REAL_FOLDER = "config/real-folder.ts";
const ADDRESSES = "config/addresses.ts";
const ADDRESSES_TEST = "test/config/addresses.test.ts";
const SIGNED_BODY = "config/signed-body.ts";
const SIGNED_BODY_TEST = "test/config/signed-body.test.ts";
const BOUNDED_PATTERN = "config/bounded-pattern.ts";
const BOUNDED_PATTERN_TEST = "test/config/bounded-pattern.test.ts";
const RISK = "config/risk.ts";
const RISK_TEST = "test/config/risk.test.ts";
const DIFFERENCE = "config/difference.ts";
const DIFFERENCE_TEST = "test/config/difference.test.ts";
const DIFFERENCE_TEXT = "config/difference-text.ts";
const LOCAL_FILE = "config/local-file.ts";
const LOCAL_FILE_TEST = "test/abuse/local-file.test.ts";
const RUN = "agent/cli/run.ts";
const POLICY = "config/policy.ts";
const POLICY_TEST = "test/config/policy.test.ts";
const LOCAL = "config/local.ts";
const LOCAL_TEST = "test/config/local.test.ts";

export const POLICY_MUTANTS: readonly Mutant[] = [
  oneEdit(
    "policy: any destination is allowed",
    POLICY_CHECK,
    ["    if (!allowed.includes(", "    if (allowed.length === 0 && !allowed.includes("],
    [OUTSIDE_POLICY_TEST, "destination"],
  ),
  oneEdit(
    "policy: TLS files need no folder",
    POLICY_CHECK,
    [" && policy.tlsFolder === undefined) {", ' && policy.tlsFolder === "") {'],
    [OUTSIDE_POLICY_TEST, "absent"],
  ),
  oneEdit(
    "policy: one of the addresses of localhost is enough",
    POLICY_CHECK,
    ["listened.every(", "listened.some("],
    [OUTSIDE_POLICY_TEST, "localhost"],
  ),
  oneEdit(
    "policy: any port above the first is allowed",
    POLICY_CHECK,
    [" && channel.port <= one[1])", ")"],
    [OUTSIDE_POLICY_TEST, "held to"],
  ),
  oneEdit(
    "policy: any port below the last is allowed",
    POLICY_CHECK,
    ["one[0] <= channel.port && ", ""],
    [OUTSIDE_POLICY_TEST, "held to"],
  ),
  oneEdit(
    "policy: without allow nobody is looked at",
    POLICY_CHECK,
    ["(isMissing ? LOOPBACK : channel.allow)", "channel.allow"],
    [OUTSIDE_POLICY_TEST, "loopback"],
  ),
  oneEdit(
    "policy: a network around it is not needed",
    POLICY_CHECK,
    ["isWithin(range, network)", "isWithin(network, range)"],
    [OUTSIDE_POLICY_TEST, "held to"],
  ),
  oneEdit(
    "policy: a range may mean every interface",
    POLICY_CHECK,
    ["isUnspecified(address) ? ranges.filter(isUnspecified) : ranges", "ranges"],
    [OUTSIDE_POLICY_TEST, "every interface"],
  ),
  oneEdit(
    "policy: links of folders are not followed",
    POLICY_CHECK,
    ["    const there = real(path);", "    const there: string | undefined = path;"],
    [OUTSIDE_POLICY_TEST, "links lead"],
  ),
  oneEdit(
    "policy: the state folder may be written to",
    POLICY_CHECK,
    ["isInside(there, mine) || isInside(mine, there)", "isInside(mine, there)"],
    [OUTSIDE_POLICY_TEST, "agent itself"],
  ),
  oneEdit(
    "policy: a folder around the state folder is allowed",
    POLICY_CHECK,
    ["isInside(there, mine) || isInside(mine, there)", "isInside(there, mine)"],
    [OUTSIDE_POLICY_TEST, "agent itself"],
  ),
  oneEdit(
    "policy: anything but channels passes policy",
    POLICY_CHECK,
    ['(key) => key !== "channels"', '(key) => key === ""'],
    [OUTSIDE_POLICY_TEST, "nothing but"],
  ),
  oneEdit(
    "policy: a link that leads nowhere counts as a folder to be",
    REAL_FOLDER,
    [
      "    // A link that leads nowhere: whoever makes its target decides where it leads.\n    return undefined;",
      '    return "absent";',
    ],
    [OUTSIDE_POLICY_TEST, "links lead"],
  ),
  oneEdit(
    "policy: a wider range is inside a narrower",
    ADDRESSES,
    [" || inner.prefix < outer.prefix", ""],
    [ADDRESSES_TEST, "VC9"],
  ),
  oneEdit(
    "policy: families are not told apart",
    ADDRESSES,
    ["inner.family !== outer.family || ", ""],
    [ADDRESSES_TEST, "VC9"],
  ),
  oneEdit(
    "policy: mapped addresses are another family",
    ADDRESSES,
    ["  if (!isMapped) return range;", "  if (!isMapped || range.family === 6) return range;"],
    [ADDRESSES_TEST, "VC9"],
  ),
  oneEdit(
    "policy: relative folders are signed",
    SIGNED_BODY,
    ["  if (!ABSOLUTE.test(path)) return", '  if (path === "") return'],
    [SIGNED_BODY_TEST, "absolute"],
  ),
  oneEdit(
    "policy: folders step back",
    SIGNED_BODY,
    ['parts.includes("..") || ', ""],
    [SIGNED_BODY_TEST, "absolute"],
  ),
  oneEdit(
    "policy: TLS files are paths",
    SIGNED_BODY,
    ["    for (const key of TLS_FILES) {", "    for (const key of TLS_FILES.slice(4)) {"],
    [SIGNED_BODY_TEST, "TLS"],
  ),
  oneEdit(
    "policy: a sentinel is a path",
    SIGNED_BODY,
    [
      'key === "sentinelFile" ? nameFault(value) : folderFault(value)',
      'key === "sentinelFile" ? undefined : folderFault(value)',
    ],
    [SIGNED_BODY_TEST, "sentinel"],
  ),
  oneEdit(
    "policy: expressions are unbounded",
    SIGNED_BODY,
    [
      'channel.kind === "file-drop" && channel.namePattern',
      'channel.kind === "file-drop" && channel.name === "" && channel.namePattern',
    ],
    [SIGNED_BODY_TEST, "U28"],
  ),
  oneEdit(
    "policy: a body has any number of values",
    SIGNED_BODY,
    ["countValues(value, VALUES_MAX_COUNT) > VALUES_MAX_COUNT", "countValues(value, 1) < 0"],
    [SIGNED_BODY_TEST, "any shape"],
  ),
  oneEdit(
    "policy: an expression repeats repetitions",
    BOUNDED_PATTERN,
    ["      mark();\n      repetitions", "      repetitions"],
    [BOUNDED_PATTERN_TEST, "refused by its form"],
  ),
  oneEdit(
    "policy: an expression repeats alternatives",
    BOUNDED_PATTERN,
    ['    else if (token === "|") mark();\n', ""],
    [BOUNDED_PATTERN_TEST, "refused by its form"],
  ),
  oneEdit(
    "policy: ambiguity does not leave its group",
    BOUNDED_PATTERN,
    ["    if (wasAmbiguous) mark();\n", ""],
    [BOUNDED_PATTERN_TEST, "refused by its form"],
  ),
  oneEdit(
    "policy: what is repeated is not looked at",
    BOUNDED_PATTERN,
    ["isRepeated && wasAmbiguous", "isRepeated && wasAmbiguous && repetitions > 9"],
    [BOUNDED_PATTERN_TEST, "refused by its form"],
  ),
  oneEdit(
    "policy: a setting without class is low",
    RISK,
    [
      '{ risk: "high", meaning: "conduct", reason: "a setting that is not known here" }',
      '{ risk: "low", meaning: "conduct", reason: "a setting that is not known here" }',
    ],
    [RISK_TEST, "U27"],
  ),
  oneEdit(
    "policy: names of prototypes have a class",
    RISK,
    [
      "Object.hasOwn(RISK_TABLE, kind) ? RISK_TABLE[kind] : undefined;\n  const rule = rules !== undefined && Object.hasOwn(rules, path) ? rules[path] : undefined;",
      "RISK_TABLE[kind];\n  const rule = rules?.[path];",
    ],
    [RISK_TEST, "U27"],
  ),
  oneEdit(
    "policy: for ever is shorter than a day",
    RISK,
    ["zeroIsEndless === true && value === 0", "zeroIsEndless === undefined && value === 0"],
    [RISK_TEST, "direction"],
  ),
  oneEdit(
    "policy: raised and lowered are exchanged",
    RISK,
    ["  const isRaised = to > from;", "  const isRaised = to < from;"],
    [RISK_TEST, "direction"],
  ),
  oneEdit(
    "policy: without direction the milder class counts",
    RISK,
    ["const graver = graverOf(risk.raised, risk.lowered);", "const graver = risk.raised;"],
    [RISK_TEST, "direction"],
  ),
  oneEdit(
    "policy: the last line is the class of the whole",
    DIFFERENCE,
    ['.reduce(graverOf, "low")', '.reduce((_, risk) => risk, "low")'],
    [DIFFERENCE_TEST, "gravest"],
  ),
  oneEdit(
    "policy: a channel of another kind is the same",
    DIFFERENCE,
    [" && was.kind === is.kind) {", ") {"],
    [DIFFERENCE_TEST, "changes its kind"],
  ),
  oneEdit(
    "policy: a channel that goes is not told",
    DIFFERENCE,
    ["      if (was !== undefined) lines.push(goneLine(was));\n", ""],
    [DIFFERENCE_TEST, "changes its kind"],
  ),
  oneEdit(
    "policy: texts obey terminals",
    DIFFERENCE_TEXT,
    ["/[\\p{C}\\p{Zl}\\p{Zp}]/gu", "/[\\p{Zl}\\p{Zp}]/gu"],
    [DIFFERENCE_TEST, "terminal"],
  ),
  oneEdit(
    "policy: a link to local.yaml is followed",
    LOCAL_FILE,
    [
      '  if (status.isSymbolicLink()) return "the file is a link: give the path of the file itself";\n',
      "",
    ],
    [LOCAL_FILE_TEST, "a link is not"],
  ),
  oneEdit(
    "policy: local.yaml may belong to the service",
    LOCAL_FILE,
    [
      "  if (status.uid !== ROOT_ID && !isTrial) {",
      "  if (status.uid !== ROOT_ID && status.uid !== account.uid && !isTrial) {",
    ],
    [LOCAL_FILE_TEST, "of the service account"],
  ),
  oneEdit(
    "policy: a trial takes signed configuration",
    LOCAL_FILE,
    ['isOwn && configSource === "local"', "isOwn && configSource.length > 0"],
    [LOCAL_FILE_TEST, "trials"],
  ),
  oneEdit(
    "policy: everybody may write local.yaml",
    LOCAL_FILE,
    ["  if ((mode & OTHERS_WRITE) !== 0) return true;\n", ""],
    [LOCAL_FILE_TEST, "everybody writes is"],
  ),
  oneEdit(
    "policy: the group may write local.yaml",
    LOCAL_FILE,
    [
      "return (mode & GROUP_WRITES) !== 0 && isForeign;",
      "return (mode & GROUP_WRITES) !== 0 && isForeign && isTrial;",
    ],
    [LOCAL_FILE_TEST, "group writes is not"],
  ),
  oneEdit(
    "policy: the folder of local.yaml is not looked at",
    LOCAL_FILE,
    [
      "  if (isTrial || account.uid === ROOT_ID) return undefined;",
      "  if (account.uid >= ROOT_ID) return undefined;",
    ],
    [LOCAL_FILE_TEST, "in a folder of"],
  ),
  oneEdit(
    "policy: a folder of its own holds the service back",
    LOCAL_FILE,
    ["  if (uid === account.uid) return true;\n", ""],
    [LOCAL_FILE_TEST, "in the service's"],
  ),
  oneEdit(
    "policy: run does not look at local.yaml",
    RUN,
    ["  refuseUnprotected(options.config, config.configSource);\n", ""],
    [LOCAL_FILE_TEST, "holdfast run"],
  ),
  oneEdit(
    "policy: a standing class goes for all",
    POLICY,
    ["standingClasses.some((one) => one === risk)", "standingClasses.length > 0"],
    [POLICY_TEST, "VC11"],
  ),
  oneEdit(
    "policy: one person is a way around hospital keys",
    POLICY,
    [
      '  return hospitalKeys.length > 0 ? "signed" : "local";',
      '  return hospitalKeys.length > 16 ? "signed" : "local";',
    ],
    [POLICY_TEST, "VC11"],
  ),
  oneEdit(
    "policy: hospital keys of small order count",
    POLICY,
    ["(text) => keyFromHex(text) !== undefined", "(text) => /^[0-9a-f]{64}$/.test(text)"],
    [POLICY_TEST, "VA1"],
  ),
  oneEdit(
    "policy: a key counts twice",
    POLICY,
    ["new Set(keys).size === keys.length", "new Set(keys).size <= keys.length"],
    [POLICY_TEST, "VA1"],
  ),
  oneEdit(
    "policy: more signatures are asked for than there are keys",
    POLICY,
    [
      "hospitalKeys.length === 0 || hospitalKeyThreshold <= hospitalKeys.length",
      "hospitalKeys.length < 99 || hospitalKeyThreshold <= hospitalKeys.length",
    ],
    [POLICY_TEST, "VA1"],
  ),
  oneEdit(
    "policy: channels of the file are ignored with signed source",
    LOCAL,
    [
      '  return arePresent\n    ? "must be absent',
      '  return arePresent && configSource === ""\n    ? "must be absent',
    ],
    [LOCAL_TEST, "signed source"],
  ),
];
