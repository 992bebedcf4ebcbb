/** What an alarm of an agent means to people: the agent's own catalogue, so that both ends say the same. @module */
import { CONDITIONS, isCondition } from "#agent/health/catalogue.ts";

export interface AlarmWords {
  readonly sentence: string;
  readonly todo: string;
  readonly whose: string;
  /** Path in this repository; absent for what this version does not know. */
  readonly runbook: string | undefined;
}

export function alarmWords(code: string): AlarmWords {
  if (!isCondition(code)) {
    return {
      sentence: "The agent says something that this receiver does not know yet",
      todo: "Its agent is newer: look the code up in the runbooks of its version",
      ...{ whose: "vendor", runbook: undefined },
    };
  }
  const { means, remedy, whose, runbook } = CONDITIONS[code];
  return { sentence: means, todo: remedy, whose, runbook };
}
