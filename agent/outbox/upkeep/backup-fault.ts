/** What went wrong with a backup, in words of the catalogue that never stop the agent. @module */
import { AgentError, codeOf } from "../../errors.ts";

/** `BACKUP_DAMAGED` for what SQLite finds in a copy, `BACKUP_FAILED` for what the system did not do. */
export function backupFault(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const sysCode = codeOf(cause);
  const damaged = /^SQLITE_(?:CORRUPT|NOTADB)/.test(sysCode);
  return new AgentError(damaged ? "BACKUP_DAMAGED" : "BACKUP_FAILED", { sysCode }, { cause });
}

/** What reading a finished backup came to. */
export function unreadBackup(cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const sysCode = codeOf(cause);
  const barred = /^(?:EACCES|EPERM)$/.test(sysCode);
  return new AgentError(barred ? "FILE_NOT_READABLE" : "BACKUP_DAMAGED", { sysCode }, { cause });
}

/** The same of its manifest, without which there is no backup. */
export function unreadManifest(cause: unknown): AgentError {
  const isThere = !/^(?:ENOENT|ENOTDIR)$/.test(codeOf(cause));
  return isThere ? unreadBackup(cause) : new AgentError("BACKUP_NOT_FOUND", {}, { cause });
}
