/**
 * The access list of the pipe for local commands (09 SV19). Node makes a pipe with Windows's default list, which lets
 * everybody read from it, and without a way to say another: it is replaced as soon as the pipe is there. Whoever opens it
 * in between may read, and is told nothing: answers go to those who have asked, which takes the right to write.
 *
 * That no other program has a pipe of this name, Node asks for itself (FILE_FLAG_FIRST_PIPE_INSTANCE).
 *
 * @module
 */
import { pipeSecurity } from "./access-list.ts";
import { SERVICE_NAME, serviceSid } from "./names.ts";
import { openSecurity } from "./security.ts";

/** For SYSTEM, administrators, and the account of this process. @throws {AgentError} `WINDOWS_*` {AddOnError} */
export async function guardLocalPipe(path: string): Promise<void> {
  const security = await openSecurity();
  // The service's own name, too: a restricted account needs an entry of it, whatever account it is.
  security.guardPipe(path, pipeSecurity([security.ownSid(), serviceSid(SERVICE_NAME)]));
}
