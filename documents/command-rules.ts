/** Whether a command is in time (07 2.4, VM2). Pure; VM3 to VM5 need the store, the catalogue and 08. @module */
import { COMMAND_MAX_LIFETIME_MS } from "./limits.ts";
import type { Refused } from "./refusal.ts";
import { type TimeBase, whatExpired, whatIsFromFuture, whatLivesTooLong } from "./time.ts";
import type { CommandDocument } from "./types/command.ts";

/** VM2. */
export function whatCommandTimesForbid(
  command: Pick<CommandDocument, "issuedAt" | "expires">,
  time: TimeBase,
): Refused | undefined {
  return (
    whatLivesTooLong(command, COMMAND_MAX_LIFETIME_MS, "VM2") ??
    whatExpired(command.expires, time, "VM2") ??
    whatIsFromFuture(command.issuedAt, time, "VM2")
  );
}
