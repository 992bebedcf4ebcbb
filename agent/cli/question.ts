/** Asks the agent that runs on a state folder. @module */
import { userInfo } from "node:os";
import { AgentError, ERROR_CATALOGUE, type ErrorCode } from "../errors.ts";
import { askAt, localSocketPath } from "../host/local-socket.ts";

/** @throws {AgentError} `AGENT_NOT_RUNNING`, `AGENT_NOT_REACHABLE`, or why it could not answer */
export const question = (stateDir: string, request: unknown): Promise<unknown> =>
  questionAt(localSocketPath(stateDir), request);

/** The same at one socket. */
export async function questionAt(path: string, request: unknown): Promise<unknown> {
  const asked = { ...(request as object), by: callerName() };
  const reply = (await askAt(path, asked)) as { answer?: unknown; error?: unknown };
  if (reply.answer === undefined) {
    const known = typeof reply.error === "string" && reply.error in ERROR_CATALOGUE;
    throw new AgentError(known ? (reply.error as ErrorCode) : "AGENT_DEFECT", {});
  }
  return reply.answer;
}

/** For the audit, which notes it as claimed: nothing proves it (08 6). */
function callerName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without a name, as in some containers.
    return String(process.getuid?.() ?? "unknown");
  }
}
