/**
 * Each condition of remote diagnostics, removed in turn (07 VM1 to VM5, 08 4, 5).
 *
 * @module
 */
import type { Mutant, NamedTests } from "./mutants.ts";

const asking = (only: string): NamedTests => ({
  ...{ file: "test/abuse/remote-questions.test.ts", only },
});
const probing = (only: string): NamedTests => ({ file: "test/abuse/probes.test.ts", only });
const shapes = (only: string): NamedTests => ({
  ...{ file: "test/abuse/message-structure.test.ts", only },
});

function mutant(
  id: string,
  file: string,
  [search, replacement]: readonly [search: string, replacement: string],
  ...caughtBy: readonly NamedTests[]
): Mutant {
  return { id: `control: ${id}`, edits: [{ file, search, replacement }], caughtBy };
}

export const CONTROL_MUTANTS: readonly Mutant[] = [
  mutant(
    "VM1 a frame names another question",
    "agent/control/judge.ts",
    ["if (Buffer.compare(nonce, id) !== 0) {", "if (nonce.length > id.length) {"],
    asking("by the id of another"),
  ),
  mutant(
    "VM2 times are not looked at",
    "agent/control/judge.ts",
    ["if (objection !== undefined) return", "if (objection === null) return"],
    asking("D01"),
  ),
  mutant(
    "VM3 the nonce is not stored with the entry",
    "agent/control/control.ts",
    [
      "audit.record([{ ...draft, ...about }], { nonces })",
      "audit.record([{ ...draft, ...about }])",
    ],
    asking("D03"),
  ),
  mutant(
    "VM4 names that every object has",
    "agent/control/catalogue.ts",
    [
      "if (!Object.hasOwn(OPERATIONS, op)) return undefined;",
      "if (!(op in OPERATIONS)) return undefined;",
    ],
    asking("D02"),
  ),
  mutant(
    "VM5 consent is not asked",
    "agent/control/consent.ts",
    ['return isAllowed ? undefined : "CONSENT";', "return undefined;"],
    probing("D05"),
  ),
  mutant(
    "VM5 a window is not needed",
    "agent/control/consent.ts",
    ["(level < 2 || this.window !== undefined)", "level <= 2"],
    probing("D05"),
  ),
  mutant(
    "VM5 support off is not heard",
    "agent/control/consent.ts",
    ['if (this.isOff) return "SUPPORT_OFF";', ""],
    asking("D05"),
  ),
  mutant(
    "VM5 no rate",
    "agent/control/judge.ts",
    ['if (!rate.admits() || isBusy()) return "RATE";', ""],
    asking("D08"),
  ),
  mutant(
    "4.3 the switch is only remembered",
    "agent/control/support-switch.ts",
    ["replaceFile(join(this.#folder, FILE), CONTENT, 0o600);", ""],
    asking("counters included"),
  ),
  mutant(
    "4.3 what is being answered goes on",
    "agent/control/answering.ts",
    ['cut.abort(new AgentError("SUPPORT_IS_OFF", {}));', ""],
    asking("ends what is being answered"),
  ),
  mutant(
    "4.4 thirty seconds are not the end",
    "agent/control/answering.ts",
    ['cut.abort(new AgentError("QUESTION_TIMEOUT", {})),', "undefined,"],
    asking("D08"),
  ),
  mutant(
    "4.4 sent before it is recorded",
    "agent/control/answering.ts",
    ['await this.#record(accepted, "question.answered", said);', ""],
    asking("stored and recorded"),
  ),
  mutant(
    "TP36 a crash makes it run again",
    "agent/control/control.ts",
    ["if (copy?.head.envelope === hash", "if (copy?.head.op === hash"],
    asking("TP36"),
  ),
  mutant(
    "D04 a name may lead anywhere",
    "agent/control/probes.ts",
    ["if (addresses.some(isForbidden))", "if (addresses.every(isForbidden))"],
    probing("D04"),
  ),
  mutant(
    "D04 resolved twice",
    "agent/control/probes.ts",
    ["network.connect(address, port, signal)", "network.connect(host, port, signal)"],
    probing("DNS rebinding"),
  ),
  mutant(
    "D04 as many probes as one likes",
    "agent/control/probes.ts",
    ["if (isTooSoon || this.#count >= PROBES_PER_WINDOW) {", "if (isTooSoon && this.#count < 0) {"],
    probing("65,535"),
  ),
  mutant(
    "5.3 any three letters are a segment",
    "agent/ingest/hl7/message-shape.ts",
    ["SEGMENT_IDS.has(id) || /^Z[A-Z0-9]{2}$/.test(id)", "/^[A-Z][A-Z0-9]{2}$/.test(id)"],
    shapes("D06"),
  ),
  mutant(
    "5.3 texts of a configuration are shown",
    "agent/control/redacted-configuration.ts",
    ["return WORDS.has(text) ? identifierFrom(text) : tokens.of(text);", "return nameFact(text);"],
    shapes("configuration"),
  ),
];
