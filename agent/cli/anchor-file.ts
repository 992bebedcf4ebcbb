/** The anchor that a person names for a trial, instead of the compiled one (07 2.6). @module */
import { readFileSync } from "node:fs";
import type { Role } from "#documents/role.ts";
import { AgentError, codeOf } from "../errors.ts";
import { COMPILED_ANCHOR, readAnchor } from "../identity/anchor.ts";

/** @throws {AgentError} `ANCHOR_UNREADABLE` */
export function anchorOf(file: string | undefined): Role {
  if (file === undefined) return COMPILED_ANCHOR;
  const anchor = readAnchor(anchorText(file));
  if (anchor === undefined) throw new AgentError("ANCHOR_UNREADABLE", {});
  return anchor;
}

function anchorText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(error);
  }
}

const unreadable = (cause: unknown): AgentError =>
  new AgentError("ANCHOR_UNREADABLE", { sysCode: codeOf(cause) }, { cause });
