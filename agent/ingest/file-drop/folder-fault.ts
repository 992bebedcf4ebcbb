/** Which fault of the worker it is. @module */
import { AgentError, type ErrorCode, type Facts, identifierFrom } from "../../errors.ts";
import type { StepFault } from "../../folders/messages.ts";

export const isFault = (error: unknown, code: ErrorCode): error is AgentError =>
  error instanceof AgentError && error.code === code;

/** P52: as facts of a log line or a condition. */
export const faultFacts = (fault: StepFault | undefined): Facts =>
  fault === undefined
    ? {}
    : {
        step: identifierFrom(fault.step),
        folder: identifierFrom(fault.folder),
        sysCode: identifierFrom(fault.sysCode),
      };

/** Whether it is about that folder and no other: archive and error folder may fail by themselves (04 P29). */
export const isAbout = (folder: "archive" | "error", error: unknown): error is AgentError =>
  error instanceof AgentError && error.facts["folder"] === folder;
