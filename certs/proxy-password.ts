/** The password for the hospital's proxy, from a file that only the service account can read (07 1.10). @module */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { AgentError, codeOf, identifierFrom } from "#agent/errors.ts";

/** Longer is no password: a certificate, say, whose path was written in its place. */
const PASSWORD_MAX_BYTES = 1_024;
/** RFC 7617 section 2: a password has no control characters; the end of the one line is not part of it. */
const ONE_LINE = /^([^\p{Cc}]+)\r?\n?$/u;

/**
 * Reads it anew each time, so that a new password needs no restart.
 *
 * @returns the file's one line, without its end
 * @throws {AgentError} `PROXY_PASSWORD_UNREADABLE`, or `PROXY_PASSWORD_EXPOSED` where other accounts
 *   could read it
 */
export function readProxyPassword(file: string): string {
  const bytes = new Uint8Array(PASSWORD_MAX_BYTES + 1);
  const count = read(file, bytes);
  const text = Buffer.from(bytes.subarray(0, count)).toString("utf8");
  const password = count > PASSWORD_MAX_BYTES ? undefined : ONE_LINE.exec(text)?.[1];
  if (password === undefined) {
    const flaw = identifierFrom("notOneLine");
    throw new AgentError("PROXY_PASSWORD_UNREADABLE", { flaw });
  }
  return password;
}

function read(file: string, into: Uint8Array): number {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    refuseIfExposed(fstatSync(descriptor).mode & 0o777);
    return readSync(descriptor, into);
  } catch (error) {
    throw unreadable(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function unreadable(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  return new AgentError("PROXY_PASSWORD_UNREADABLE", { sysCode: codeOf(cause) }, { cause });
}

/** Rights on Windows are an access list, which the installer sets (09). */
function refuseIfExposed(mode: number): void {
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    throw new AgentError("PROXY_PASSWORD_EXPOSED", { mode });
  }
}
