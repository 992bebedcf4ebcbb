/** Errors of the system on folders, translated once: which step, whose folder, the system's code, no name (04 P52, P34). @module */
import { AgentError, codeOf, identifierFrom } from "../errors.ts";
import type { FolderRole, StepFault } from "./messages.ts";

/** @returns what the system did; its errors are thrown as `FOLDER_FAILED` */
export function doing<T>(folder: FolderRole, step: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw folderFault(folder, step, error);
  }
}

export function folderFault(folder: FolderRole, step: string, cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const facts = { step: identifierFrom(step), folder: identifierFrom(folder) };
  return new AgentError("FOLDER_FAILED", { ...facts, sysCode: codeOf(cause) }, { cause });
}

/** P47. */
export const folderMoved = (folder: FolderRole, what: "mount" | "path" | "sentinel"): AgentError =>
  new AgentError("FOLDER_MOVED", {
    folder: identifierFrom(folder),
    what: identifierFrom(what),
  });

/** P2, P19. */
export const workElsewhere = (): AgentError => new AgentError("FOLDER_WORK_ELSEWHERE", {});

/**
 * What went wrong with one file, so that the others go on.
 *
 * @throws what is no such fault: the folder moved, or a defect of ours
 */
export function stepFaultOf(error: unknown): StepFault {
  if (!(error instanceof AgentError) || error.code !== "FOLDER_FAILED") throw error;
  const { step, folder, sysCode } = error.facts;
  return { step: String(step), folder: String(folder) as FolderRole, sysCode: String(sysCode) };
}

export const codeIs = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException | null)?.code ?? "");
