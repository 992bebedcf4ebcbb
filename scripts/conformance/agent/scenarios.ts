/** Everything that is asked of an agent, in order: what takes it away for long comes last. @module */
import type { Scenario } from "../scenario.ts";
import { ENDING_SCENARIOS } from "./ending-scenarios.ts";
import { GREETING_SCENARIOS } from "./greeting-scenarios.ts";
import { REFUSAL_SCENARIOS } from "./refusal-scenarios.ts";
import type { AgentSubject } from "./subject.ts";
import { TRANSFER_SCENARIOS } from "./transfer-scenarios.ts";

/** One that fails leaves nothing behind for the next. */
function apart({ run, ...scenario }: Scenario<AgentSubject>): Scenario<AgentSubject> {
  return {
    ...scenario,
    async run(subject) {
      try {
        await run(subject);
      } catch (error) {
        await subject.startAfresh();
        throw error;
      }
    },
  };
}

export const AGENT_SCENARIOS: readonly Scenario<AgentSubject>[] = [
  ...TRANSFER_SCENARIOS,
  ...REFUSAL_SCENARIOS,
  ...GREETING_SCENARIOS,
  ...ENDING_SCENARIOS,
].map(apart);
