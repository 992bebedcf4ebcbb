/** Whether messages are accepted: what a load balancer or a monitor asks. @module */
import type { AgentStatus } from "../status.ts";

export type Accepting =
  | { readonly isAccepting: true }
  | { readonly isAccepting: false; readonly code: string };

/**
 * Every channel of the configuration has to be open. A folder that is not reached is none of it: files wait there as
 * well as here, and `folderUnreachable` says so.
 *
 * @returns the code of a condition where they are not
 */
export function isAccepting({ conditions, channels }: AgentStatus): Accepting {
  const stopped = conditions.find(({ condition }) =>
    ["storeFailing", "diskLow", "fileDropEnded", "listenerClosed"].includes(condition),
  );
  if (stopped !== undefined) return { isAccepting: false, code: stopped.condition };
  const isClosed = channels.some(
    ({ configured, listening, folder }) => configured && folder === undefined && !listening,
  );
  return isClosed ? { isAccepting: false, code: "listenerClosed" } : { isAccepting: true };
}
