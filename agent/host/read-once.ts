/** A file from a stick, or from whoever knows where: read once, without being led anywhere (07 2.13). @module */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { AgentError, codeOf, identifierFrom } from "../errors.ts";

/**
 * Reads a regular file. A link is not followed, and nothing that blocks (a pipe, a device) is waited for.
 *
 * @param maxBytes one that says it is larger, or turns out to be, is not read
 * @throws {AgentError} `BUNDLE_UNREADABLE` with why
 */
export function readOnce(file: string, maxBytes: number): Uint8Array {
  let descriptor: number | undefined;
  try {
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw unreadable("notRegular");
    if (status.size > maxBytes) throw unreadable("tooLarge");
    return wholeOf(descriptor, maxBytes);
  } catch (error) {
    throw error instanceof AgentError ? error : unreadable(codeOf(error), error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** To its end, for as long as it is not larger than it may be: it may have grown since. */
function wholeOf(descriptor: number, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(maxBytes + 1);
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(descriptor, bytes, at, Math.min(bytes.length - at, 1_048_576), at);
    if (count === 0) break;
    at += count;
  }
  if (at > maxBytes) throw unreadable("tooLarge");
  return bytes.slice(0, at);
}

function unreadable(reason: string, cause?: unknown): AgentError {
  return new AgentError("BUNDLE_UNREADABLE", { reason: identifierFrom(reason) }, { cause });
}
