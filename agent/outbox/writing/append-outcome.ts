/** What the writer reports of one entry, as its owner takes it. @module */
import { AgentError } from "../../errors.ts";
import { OUTCOME } from "./appender.ts";
import type { AppendOutcome } from "./ticket-queue.ts";

/** @throws {AgentError} `AGENT_DEFECT` for a code that does not exist */
export function outcomeOf(code: number, flags: number, id: number, seq: bigint): AppendOutcome {
  switch (code) {
    case OUTCOME.stored:
      return {
        kind: "stored",
        id,
        seq,
        controlIdReused: (flags & 1) !== 0,
        duplicate: (flags & 2) !== 0,
      };
    case OUTCOME.repeat:
      return { kind: "repeat", id, seq };
    case OUTCOME.quarantined:
      return { kind: "quarantined", repeated: false, id };
    case OUTCOME.quarantinedRepeat:
      return { kind: "quarantined", repeated: true, id };
    case OUTCOME.quarantineFull:
      return { kind: "refused", error: new AgentError("QUARANTINE_FULL", {}) };
    case OUTCOME.claimEnded:
      return { kind: "refused", error: new AgentError("FILE_CLAIM_ENDED", {}) };
    default:
      throw new AgentError("AGENT_DEFECT", { outcome: code });
  }
}
