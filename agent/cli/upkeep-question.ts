/** Asks a running agent to look after its store; what failed there is said here, with its facts. @module */
import { AgentError } from "../errors.ts";
import { fromPlain } from "../outbox/format/fault.ts";
import type { Outcome } from "../upkeep-desk.ts";
import { question } from "./question.ts";

/** @throws {AgentError} what the agent says */
export async function askUpkeep<T>(stateDir: string, request: unknown): Promise<T> {
  const outcome = (await question(stateDir, request)) as Outcome<T>;
  if ("fault" in outcome) throw fromPlain(outcome.fault);
  return outcome.done;
}

/** Whether an agent answers on a state folder, or runs there and will not answer this account. */
export async function isRunning(stateDir: string): Promise<boolean> {
  try {
    await question(stateDir, { ask: "backupProgress" });
    return true;
  } catch (error) {
    return !(error instanceof AgentError && error.code === "AGENT_NOT_RUNNING");
  }
}
