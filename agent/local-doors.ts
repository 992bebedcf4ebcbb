/**
 * By which doors commands on this machine come in: that of the service account, which may ask everything, and that of
 * `holdfast-approvers`, whose members may decide about configurations, support and updates, and nothing else (07 2.8, 3;
 * 08 4.3).
 *
 * @module
 */
import type { Audit } from "./audit/audit.ts";
import { BUNDLED } from "./configuration-questions.ts";
import { AgentError } from "./errors.ts";
import { DEFAULT_APPROVER_SOCKET } from "./host/approver-folder.ts";
import { type LocalAnswerer, LocalSocket } from "./host/local-socket.ts";
import type { Log } from "./host/log.ts";
import { answerLocal, type LocalDesk } from "./local-questions.ts";
import { recorded } from "./recorded-questions.ts";

/** To see what is offered and where it stands, to decide about it, to carry it here, to take it back. */
export const APPROVERS_MAY_ASK: readonly string[] = [
  ...["configStatus", "configDifference", "configImport", "configDecide", "configRollback"],
  // 08 4.3: any of them may forbid what support asks, or allow it for a while.
  ...["supportStatus", "supportOff", "supportOn", "supportOpen", "supportClose"],
  // 07 section 3: an update is approved as a configuration is.
  ...["updateStatus", "updateApprove", "updateReject"],
];

export interface LocalDoors {
  readonly stateDir: string;
  readonly approverSocket: string;
  readonly audit: Pick<Audit, "record" | "note" | "noteBefore">;
  readonly log: Log;
}

/**
 * Opens both. That for approvers may stay closed, which is logged: messages flow without it.
 *
 * @throws {AgentError} `LOCAL_SOCKET_FAILED` of the first
 */
export async function openLocalDoors(desk: LocalDesk, doors: LocalDoors): Promise<AsyncDisposable> {
  const { stateDir, approverSocket, audit, log } = doors;
  const asked = recorded(audit, async (request) => answerLocal(request, desk));
  await using opening = new AsyncDisposableStack();
  opening.use(await LocalSocket.open(stateDir, through(undefined, asked), BUNDLED));
  try {
    const answer = through("approvers", asked);
    opening.use(await LocalSocket.openToApprovers(approverSocket, answer, BUNDLED));
    log.write("approverSocketOpened", {});
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const isUnused = error.facts["flaw"] === "absent" && approverSocket === DEFAULT_APPROVER_SOCKET;
    if (!isUnused && error.facts["flaw"] !== "platform") log.fault("approverSocketClosed", error);
  }
  return opening.move();
}

/** What a request says of its door itself is not heard. */
export function through(door: "approvers" | undefined, answer: LocalAnswerer): LocalAnswerer {
  return async (request) => {
    const { door: _, ...question } = (request ?? {}) as Record<string, unknown>;
    if (door === undefined) return await answer(question);
    const { ask } = question;
    if (typeof ask !== "string" || !APPROVERS_MAY_ASK.includes(ask)) {
      throw new AgentError("NOT_FOR_APPROVERS", {});
    }
    return await answer({ ...question, door });
  };
}
