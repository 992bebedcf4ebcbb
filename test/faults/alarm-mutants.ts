/** Defects of alarms (08 PL9, PL10), each with the tests that must notice. @module */
import type { Mutant, NamedTests } from "./mutants.ts";

const inAgent = (file: string, only?: string): NamedTests => ({
  file: `test/agent/${file}`,
  ...(only === undefined ? {} : { only }),
});
const STEP = "agent/health/alarm-step.ts";
const ALARMS = "agent/health/alarms.ts";
const SILENCE = "agent/health/usual-silence.ts";
const MAINTENANCE = "agent/maintenance.ts";

const mutant = (
  id: string,
  [file, search, replacement]: readonly [string, string, string],
  ...caughtBy: NamedTests[]
): Mutant => ({ id, edits: [{ file, search, replacement }], caughtBy });

export const ALARM_MUTANTS: readonly Mutant[] = [
  mutant(
    "PL9 an alarm closes at once",
    [STEP, "monotonicMs - wellFromMs >= holdOf(tracked)", "true"],
    inAgent("health/alarm-step.test.ts", "flapping"),
  ),
  mutant(
    "PL9 what explains others does not suppress them",
    [STEP, "if (cause !== undefined) return", "if (cause === null) return"],
    inAgent("health/alarm-step.test.ts", "a dead tunnel"),
  ),
  mutant(
    "PL9 a maintenance window mutes everything",
    [STEP, "inMaintenance ? [", "true ? ["],
    inAgent("health/alarm-step.test.ts", "never the store"),
  ),
  mutant(
    "PL9 an alarm of before a restart is forgotten",
    [ALARMS, "carried(known,", "carried([],"],
    inAgent("health/alarms.test.ts", "a restart"),
  ),
  mutant(
    "PL9 a start closes what nobody has had time to find",
    [STEP, "Math.max(closesAfterMs, CARRIED_HOLD_MS)", "closesAfterMs"],
    inAgent("health/alarms.test.ts", "a restart"),
  ),
  mutant(
    "PL9 while the store fails nothing is kept later",
    [ALARMS, "      this.#isUnsaved = true;\n      return false;", "      return false;"],
    inAgent("health/alarms.test.ts", "while the store fails"),
  ),
  mutant(
    "PL9 a window is not kept",
    [MAINTENANCE, "await this.#options.trust.note(", "void ((_: object) => undefined)("],
    inAgent("maintenance.test.ts", "survives a restart"),
  ),
  mutant(
    "PL10 a machine that slept makes senders silent",
    [SILENCE, "if (isUnwatched(before.at, now))", "if (isUnwatched(before.at, before.at))"],
    inAgent("health/usual-silence.test.ts", "the machine slept"),
  ),
  mutant(
    "PL10 hours that were not watched whole are learned",
    [SILENCE, "isNewHour && before.isWhole && before.hasHeard", "isNewHour"],
    inAgent("health/usual-silence.test.ts", "not watched whole"),
  ),
  mutant(
    "PL5 words other than codes leave the hospital",
    ["agent/alarm-report.ts", 'typeof value !== "string" ||', "true ||"],
    inAgent("alarm-report.test.ts", "codes and numbers leave"),
  ),
  mutant(
    "PL9 a mail goes in clear where STARTTLS was taken away",
    ["agent/mail/mail-server.ts", 'requireTLS: tls === "starttls"', "requireTLS: false"],
    inAgent("mail/alarm-mail.test.ts", "in clear only"),
  ),
];
