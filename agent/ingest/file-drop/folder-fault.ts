/** Archive and error folder may fail by themselves: files are taken all the same (04 P29). @module */
import { AgentError } from "../../errors.ts";

/** Whether a fault of the worker is about that folder and no other. */
export const isAbout = (folder: "archive" | "error", error: unknown): error is AgentError =>
  error instanceof AgentError && error.facts["folder"] === folder;
