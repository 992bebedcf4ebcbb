/** By which of its two doors a command asks the agent (07 2.8). @module */
import { existsSync } from "node:fs";
import { DocumentError } from "#config/document.ts";
import { type LocalConfig, loadLocalConfig } from "#config/local.ts";
import { AgentError, codeOf } from "../errors.ts";
import { DEFAULT_APPROVER_SOCKET } from "../host/approver-folder.ts";
import { question, questionAt } from "./question.ts";

export interface DoorOptions {
  readonly config: string;
  /** Of members of `holdfast-approvers`; absent: as `local.yaml` says. */
  readonly socket?: string | undefined;
  readonly json: boolean;
}

/** By the door of the service account; whoever may not open it is asked in at that of the approvers. */
export async function atADoor({ config, socket }: DoorOptions, request: object): Promise<unknown> {
  if (socket !== undefined) return await questionAt(socket, request);
  const doors = doorsIn(config);
  if (doors === undefined) return await questionAt(DEFAULT_APPROVER_SOCKET, request);
  try {
    return await question(doors.stateDir, request);
  } catch (error) {
    const isBarred = error instanceof AgentError && error.code === "AGENT_NOT_REACHABLE";
    if (!isBarred || !existsSync(doors.approverSocket)) throw error;
    return await questionAt(doors.approverSocket, request);
  }
}

/** @returns `undefined` where `local.yaml` may not be read: an approver need not */
function doorsIn(config: string): LocalConfig | undefined {
  try {
    return loadLocalConfig(config);
  } catch (error) {
    if (error instanceof DocumentError && codeOf(error.cause) === "EACCES") return undefined;
    throw error;
  }
}
