/** Asks the agent that runs on a state folder. @module */
import { AgentError } from "../errors.ts";
import { askLocal } from "../host/local-socket.ts";

/** @throws {AgentError} `AGENT_NOT_RUNNING`, or `AGENT_DEFECT` if it could not answer */
export async function question(stateDir: string, request: unknown): Promise<unknown> {
  const reply = (await askLocal(stateDir, request)) as { answer?: unknown };
  if (reply.answer === undefined) throw new AgentError("AGENT_DEFECT", {});
  return reply.answer;
}
