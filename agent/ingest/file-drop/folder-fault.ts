/** Which fault of the worker it is. @module */
import { AgentError, type ErrorCode } from "../../errors.ts";

export const isFault = (error: unknown, code: ErrorCode): error is AgentError =>
  error instanceof AgentError && error.code === code;

/** Whether it is about that folder and no other: archive and error folder may fail by themselves (04 P29). */
export const isAbout = (folder: "archive" | "error", error: unknown): error is AgentError =>
  error instanceof AgentError && error.facts["folder"] === folder;
